import { languageOf, LANGUAGES, type Language } from './words.js';

export type Theme = 'light' | 'dark';

/** How the viewer wants the page, kept in the browser: by its own settings until something else is chosen. */
export interface Settings { language: Language; theme: Theme }

const LANGUAGE_KEY = 'hookswitch.language';
const THEME_KEY = 'hookswitch.theme';

/** What was chosen, or what the browser prefers. */
export function readSettings(): Settings {
  const language = LANGUAGES.find((known) => known === localStorage.getItem(LANGUAGE_KEY)) ?? languageOf(navigator.languages);
  const chosen = localStorage.getItem(THEME_KEY);
  const theme = chosen === 'light' || chosen === 'dark' ? chosen : matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  return { language, theme };
}

/** Keeps what the viewer chose for other visits. */
export function keepSettings({ language, theme }: Partial<Settings>): void {
  if (language !== undefined) localStorage.setItem(LANGUAGE_KEY, language);
  if (theme !== undefined) localStorage.setItem(THEME_KEY, theme);
}

/** Has the document look and sound like that. */
export function apply({ language, theme }: Settings): void {
  document.documentElement.lang = language;
  document.documentElement.dataset['theme'] = theme;
}

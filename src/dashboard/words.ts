import { en } from './words-en.js';
import { vi } from './words-vi.js';

/** The languages that the page speaks. */
export const LANGUAGES = ['en', 'vi'] as const;

export type Language = (typeof LANGUAGES)[number];

/** The name of a text. */
export type Word = keyof typeof en;

/** A text in the viewer's language, `{name}` in it replaced by the value of that name. */
export type Translate = (word: Word, values?: Readonly<Record<string, string | number>>) => string;

const DICTIONARIES: Readonly<Record<Language, Readonly<Record<Word, string>>>> = { en, vi };

/** Speaks one language. */
export function translating(language: Language): Translate {
  return (word, values = {}) => DICTIONARIES[language][word].replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
}

/** The first of the viewer's languages that the page speaks; English where it speaks none. */
export function languageOf(wanted: readonly string[]): Language {
  const short = wanted.map((tag) => tag.toLowerCase().split('-')[0]);
  return short.map((tag) => LANGUAGES.find((language) => language === tag)).find((language) => language !== undefined) ?? 'en';
}

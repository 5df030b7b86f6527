import { button } from './controls.js';
import { h, type Child, type VNode } from './render.js';
import { hashOf, type PageName } from './route.js';
import type { Settings } from './settings.js';
import type { Translate } from './words.js';

export interface FrameProps {
  readonly t: Translate;
  readonly settings: Settings;
  readonly isAdmin: boolean;
  readonly page: PageName;
  readonly live: boolean;
  readonly change: (settings: Partial<Settings>) => void;
  readonly signOut: () => void;
}

/** The two switches that are on every page. Each names what it will change to. */
export function switches({ t, settings, change }: Pick<FrameProps, 't' | 'settings' | 'change'>): VNode {
  const [language, theme] = [settings.language === 'en' ? 'vi' : 'en', settings.theme === 'light' ? 'dark' : 'light'] as const;
  return h('div', { class: 'switches' },
    button(language === 'vi' ? 'Tiếng Việt' : 'English', () => change({ language }), { kind: 'quiet', id: 'language', lang: language }),
    button(t(theme === 'dark' ? 'frame.dark' : 'frame.light'), () => change({ theme }), { kind: 'quiet', id: 'theme' }));
}

/** What stands around every page. */
export function frame({ t, settings, isAdmin, page, live, change, signOut }: FrameProps, heading: string, content: Child): Child {
  const pages: readonly PageName[] = isAdmin ? ['overview', 'subscriptions', 'deliveries'] : ['subscriptions', 'deliveries'];
  return [
    h('a', { class: 'skip', href: '#main', onclick: (event: Event) => { event.preventDefault(); document.querySelector<HTMLElement>('h1')?.focus(); } }, t('frame.skip')),
    h('header', { class: 'top' },
      h('div', { class: 'brand' }, h('svg', { viewBox: '0 0 32 32', 'aria-hidden': 'true' },
        h('rect', { class: 'tile', width: 32, height: 32, rx: 9 }), h('path', { d: 'M9 8v16M23 8v16M9 16h14' }), h('circle', { cx: 23, cy: 16, r: 3.4 })), h('span', null, 'Hookswitch')),
      h('nav', { 'aria-label': t('frame.pages') }, pages.map((name) => h('a', { key: name, href: hashOf(name), 'aria-current': name === page ? 'page' : undefined }, t(`page.${name as 'overview' | 'subscriptions' | 'deliveries'}`)))),
      h('div', { class: 'aside' },
        h('span', { class: live ? 'live on' : 'live' }, t(live ? 'frame.live' : 'frame.notLive')),
        switches({ t, settings, change }),
        button(t('frame.signOut'), signOut, { kind: 'quiet', id: 'sign-out' }))),
    h('main', { id: 'main' }, h('h1', { tabindex: '-1' }, heading), content),
  ];
}

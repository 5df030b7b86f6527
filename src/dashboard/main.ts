import { frame, switches } from './frame.js';
import { formatIn } from './format.js';
import { openCall } from './page-call.js';
import { openDeliveries } from './page-deliveries.js';
import { openOverview } from './page-overview.js';
import { createSignIn } from './page-sign-in.js';
import { openSubscriptions } from './page-subscriptions.js';
import { h, render, type Child } from './render.js';
import { routeOf, type PageName, type Route } from './route.js';
import type { OpenView, Scope, View } from './scope.js';
import { forgetToken, keepToken, keptToken, signIn, type Session } from './session.js';
import { apply, keepSettings, readSettings, type Settings } from './settings.js';
import { sleep } from './sleep.js';
import { listen } from './stream.js';
import { translating, type Word } from './words.js';

const OPEN: Readonly<Record<PageName, OpenView>> = { overview: openOverview, subscriptions: openSubscriptions, deliveries: openDeliveries, call: openCall };
const SAID_FOR_MS = 6_000;

/** The whole page: who is signed in, which view is open, and drawing both. */
function start(root: HTMLElement): void {
  const settings: Settings = readSettings();
  let session: Session | undefined;
  let opened: { route: Route; view: View; leave: AbortController } | undefined;
  let signingIn: (() => Child) | undefined;
  let listening = new AbortController();
  let live = false;
  let said = '';
  let drawing = false;

  const speak = () => translating(settings.language);
  const format = () => formatIn(settings.language, navigator.languages);

  function redraw(): void {
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(() => { drawing = false; draw(); });
  }

  function draw(): void {
    const t = speak();
    const status = h('div', { class: said === '' ? 'toast' : 'toast on', role: 'status', key: 'said' }, said);
    if (session !== undefined && opened !== undefined) {
      const heading = opened.view.title();
      document.title = `${heading} – Hookswitch`;
      render(root, h('div', { class: 'page', key: `page ${location.hash}` }, frame({ t, settings, isAdmin: session.isAdmin, page: opened.route.page, live, change, signOut: () => leave() }, heading, opened.view.render())), status);
    } else {
      document.title = 'Hookswitch';
      render(root, h('div', { class: 'page', key: 'sign-in' }, h('header', { class: 'top bare' }, switches({ t, settings, change })), signingIn?.() ?? h('main', { class: 'sign-in' }, h('h1', { class: 'unseen' }, 'Hookswitch'), h('p', { role: 'status' }, t('loading')))), status);
    }
  }

  function change(changed: Partial<Settings>): void {
    Object.assign(settings, changed);
    keepSettings(changed);
    apply(settings);
    redraw();
  }

  async function enter(token: string): ReturnType<typeof signIn> {
    const result = await signIn(token);
    if (result.kind !== 'in') return result;
    keepToken(token);
    ({ session } = result);
    signingIn = undefined;
    listening = new AbortController();
    void listen(token, { onLine: (line) => opened?.view.onLine?.(line), onState: (now) => { live = now; redraw(); }, signal: listening.signal });
    show();
    return result;
  }

  /** Ends the session, and asks for another token. */
  function leave(because?: Word): void {
    if (session === undefined && signingIn !== undefined) return;
    if (because !== 'problem.unreachable') forgetToken(); // it may be good: a reload tries it again
    listening.abort();
    opened?.leave.abort();
    [session, opened, live, said] = [undefined, undefined, false, ''];
    signingIn = createSignIn({ t: speak, redraw, enter, because });
    redraw();
  }

  function show(): void {
    if (session === undefined) return;
    const home = session.isAdmin ? 'overview' : 'subscriptions';
    const route = routeOf(location.hash, home);
    opened?.leave.abort();
    const own = new AbortController();
    const { isAdmin, ask } = session;
    const page = route.page === 'overview' && !isAdmin ? home : route.page;
    const scope: Scope = {
      isAdmin, ask, left: own.signal, redraw, say,
      get t() { return speak(); },
      get format() { return format(); },
      get language() { return settings.language; },
      get live() { return live; },
      go: (hash) => { location.hash = hash; },
      signedOut: () => leave('signIn.ended'),
    };
    opened = { route: { ...route, page }, view: OPEN[page](scope, route), leave: own };
    redraw();
    requestAnimationFrame(() => requestAnimationFrame(() => root.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true })));
  }

  function say(text: string): void {
    said = text;
    redraw();
    void sleep(SAID_FOR_MS, new AbortController().signal).then(() => { if (said === text) { said = ''; redraw(); } });
  }

  apply(settings);
  window.addEventListener('hashchange', () => { scrollTo(0, 0); show(); });
  const kept = keptToken();
  if (kept === undefined) leave();
  else {
    draw();
    void enter(kept).then(({ kind }) => { if (kind !== 'in') leave(kind === 'wrong' ? 'signIn.ended' : 'problem.unreachable'); });
  }
}

start(document.getElementById('app')!);

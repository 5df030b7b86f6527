import { frame, switches } from './frame.js';
import { formatIn } from './format.js';
import { openCall } from './page-call.js';
import { openDeliveries } from './page-deliveries.js';
import { openOverview } from './page-overview.js';
import { createSignIn } from './page-sign-in.js';
import { openSubscriptions } from './page-subscriptions.js';
import { h, render, type Child } from './render.js';
import { routeOf, type PageName } from './route.js';
import type { OpenView, Scope, View } from './scope.js';
import { forgetToken, keepToken, keptToken, signIn, type Session, type SignIn } from './session.js';
import { apply, keepSettings, readSettings, type Settings } from './settings.js';
import { sleep } from './sleep.js';
import { listen } from './stream.js';
import { translating, type Translate, type Word } from './words.js';

const OPEN: Readonly<Record<PageName, OpenView>> = { overview: openOverview, subscriptions: openSubscriptions, deliveries: openDeliveries, call: openCall };
const SAID_FOR_MS = 6_000;

/** The whole page: who is signed in, which view is open, and drawing both. */
class Dashboard {
  readonly #root: HTMLElement;
  readonly #settings: Settings = readSettings();
  #session: Session | undefined;
  #opened: { key: string; page: PageName; view: View; leave: AbortController } | undefined;
  #openedEver = 0;
  #signingIn: (() => Child) | undefined;
  #listening = new AbortController();
  #live = false;
  #said: Word | undefined;
  #drawing = false;

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  /** Signs in with the token that the tab has kept, or asks for one. */
  async start(): Promise<void> {
    apply(this.#settings);
    window.addEventListener('hashchange', () => { window.scrollTo(0, 0); this.#show(); });
    const kept = keptToken();
    if (kept === undefined) return this.#leave();
    this.#redraw();
    const { kind } = await this.#enter(kept);
    if (kind !== 'in') this.#leave(kind === 'wrong' ? 'signIn.ended' : 'problem.unreachable');
  }

  get #t(): Translate { return translating(this.#settings.language); }

  #redraw(): void {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => { this.#drawing = false; this.#draw(); });
  }

  #draw(): void {
    const said = h('div', { class: this.#said === undefined ? 'toast' : 'toast on', role: 'status', key: 'said' }, this.#said !== undefined && this.#t(this.#said));
    render(this.#root, this.#session !== undefined && this.#opened !== undefined ? this.#page(this.#session, this.#opened) : this.#door(), said);
  }

  /** Another page is another element: nothing of the one before stays in its fields. */
  #page({ isAdmin }: Session, { key, page, view }: { key: string; page: PageName; view: View }): Child {
    const heading = view.title();
    document.title = `${heading} – Hookswitch`;
    const around = { t: this.#t, settings: this.#settings, isAdmin, page, live: this.#live, change: (changed: Partial<Settings>) => this.#change(changed), signOut: () => this.#leave() };
    return h('div', { key }, frame(around, heading, view.render()));
  }

  #door(): Child {
    const t = this.#t;
    document.title = 'Hookswitch';
    const waiting = h('main', { class: 'sign-in' }, h('h1', { class: 'unseen' }, 'Hookswitch'), h('p', { role: 'status' }, t('loading')));
    return h('div', { key: 'door' }, h('header', { class: 'top bare' }, switches({ t, settings: this.#settings, change: (changed) => this.#change(changed) })), this.#signingIn?.() ?? waiting);
  }

  #change(changed: Partial<Settings>): void {
    Object.assign(this.#settings, changed);
    keepSettings(changed);
    apply(this.#settings);
    this.#redraw();
  }

  async #enter(token: string): Promise<SignIn> {
    const result = await signIn(token);
    if (result.kind !== 'in') return result;
    keepToken(token);
    this.#session = result.session;
    this.#signingIn = undefined;
    this.#listening = new AbortController();
    void listen(token, { onLine: (line) => this.#opened?.view.onLine?.(line), onState: (live) => { this.#live = live; this.#redraw(); }, signal: this.#listening.signal });
    this.#show();
    return result;
  }

  /** Ends the session, and asks for another token. */
  #leave(because?: Word): void {
    if (this.#session === undefined && this.#signingIn !== undefined) return;
    if (because !== 'problem.unreachable') forgetToken(); // it may be good: a reload tries it again
    this.#listening.abort();
    this.#opened?.leave.abort();
    [this.#session, this.#opened, this.#live, this.#said] = [undefined, undefined, false, undefined];
    this.#signingIn = createSignIn({ t: () => this.#t, redraw: () => this.#redraw(), enter: (token) => this.#enter(token), because });
    this.#redraw();
  }

  /** Opens the page that the address names. */
  #show(): void {
    if (this.#session === undefined) return;
    const { isAdmin } = this.#session;
    const home = isAdmin ? 'overview' : 'subscriptions';
    const route = routeOf(location.hash, home);
    const page = route.page === 'overview' ? home : route.page;
    this.#opened?.leave.abort();
    const leave = new AbortController();
    this.#openedEver += 1;
    this.#opened = { key: `page ${this.#openedEver}`, page, view: OPEN[page](this.#scopeFor(this.#session, leave.signal), route), leave };
    this.#redraw();
    afterDrawing(() => this.#focusHeading());
  }

  /** So that a new page is read out from its beginning; not where somebody was quicker, and is in it already. */
  #focusHeading(): void {
    if (this.#root.querySelector('main')?.contains(document.activeElement)) return;
    this.#root.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true });
  }

  #scopeFor({ isAdmin, ask }: Session, left: AbortSignal): Scope {
    const settings = this.#settings;
    return {
      isAdmin, ask, left,
      get t() { return translating(settings.language); },
      get format() { return formatIn(settings.language, navigator.languages); },
      redraw: () => this.#redraw(),
      say: (word) => { void this.#say(word); },
      signedOut: () => this.#leave('signIn.ended'),
    };
  }

  async #say(word: Word): Promise<void> {
    this.#said = word;
    this.#redraw();
    await sleep(SAID_FOR_MS, this.#listening.signal);
    if (this.#said !== word) return;
    this.#said = undefined;
    this.#redraw();
  }
}

/** Drawing waits for the next frame; what looks for what was drawn, for the one after. */
function afterDrawing(act: () => void): void {
  requestAnimationFrame(() => { requestAnimationFrame(act); });
}

void new Dashboard(document.getElementById('app')!).start();

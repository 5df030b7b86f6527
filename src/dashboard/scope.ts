import type { Ask } from './api.js';
import type { Format } from './format.js';
import type { Child } from './render.js';
import type { LiveLine } from './stream.js';
import type { Route } from './route.js';
import type { Translate, Word } from './words.js';

/** What a page is given. The language may change at any time, so texts are asked for whenever the page is drawn. */
export interface Scope {
  readonly isAdmin: boolean;
  readonly ask: Ask;
  readonly t: Translate;
  readonly format: Format;
  /** Aborts when the viewer leaves the page. */
  readonly left: AbortSignal;
  /** Has the page drawn anew, soon. */
  readonly redraw: () => void;
  /** Says something to everybody: shown for a moment, and read out. */
  readonly say: (word: Word) => void;
  /** The token does not work any more. */
  readonly signedOut: () => void;
}

/** One page: made when the viewer comes to it, gone when he leaves. */
export interface View {
  /** What the window and the heading are called. */
  title(): string;
  render(): Child;
  /** Something happened just now. */
  onLine?(line: LiveLine): void;
}

/** Makes a page. */
export type OpenView = (scope: Scope, route: Route) => View;

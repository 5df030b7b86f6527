import type { FlowRecord, NewDelivery } from '../db/outbox.js';
import type { Life } from './expiry.js';

/** A delivery to be promised, and how long it is worth sending. */
export interface Promised extends Life { readonly delivery: NewDelivery }

/** What one event brought, committed as a whole: its deliveries, and what is to be kept of their flow. */
export interface Item {
  readonly promises: readonly Promised[];
  readonly flow?: FlowRecord;
  /** Called when it is committed, or was given up, aloud. */
  readonly onDone?: () => void;
}

export interface IncomingOptions {
  /** From so many deliveries and records on there is no room, until half of them are committed. */
  maxBuffered: number;
  /** Told of each change of `hasRoom`. */
  onRoom?: ((hasRoom: boolean) => void) | undefined;
}

/** What was added and is not committed, in its order. It never refuses: who fills it has to heed `hasRoom`. */
export class Incoming {
  readonly #options: IncomingOptions;
  #items: Item[] = [];
  #size = 0;
  #deliveries = 0;
  #hasRoom = true;

  constructor(options: IncomingOptions) { this.#options = options; }

  /** Deliveries and records. */
  get size(): number { return this.#size; }

  /** Deliveries alone. */
  get deliveries(): number { return this.#deliveries; }

  get hasRoom(): boolean { return this.#hasRoom; }

  add(item: Item): void {
    this.#items.push(item);
    this.#deliveries += item.promises.length;
    this.#grow(sizeOf([item]));
  }

  /** Puts what is older before all that has been added. */
  addFirst(items: readonly Item[]): void {
    this.#items = [...items, ...this.#items];
    this.#deliveries += deliveriesIn(items);
    this.#grow(sizeOf(items));
  }

  all(): readonly Item[] { return this.#items; }

  /** The oldest items, whole ones, up to `limit` deliveries and records; the first in any case. */
  head(limit: number): Item[] {
    let size = 0;
    const end = this.#items.findIndex((item, index) => (size += sizeOf([item])) > limit && index > 0);
    return this.#items.slice(0, end < 0 ? undefined : end);
  }

  /** The oldest items are done with; `head` gave them. */
  remove(items: readonly Item[]): void {
    this.#items.splice(0, items.length);
    this.#deliveries -= deliveriesIn(items);
    this.#grow(-sizeOf(items));
    for (const { onDone } of items) onDone?.();
  }

  /** Takes the oldest item apart, so that one part cannot keep the others from being stored. False where it is a single part. */
  splitFirst(): boolean {
    const [first] = this.#items;
    if (first === undefined || sizeOf([first]) <= 1) return false;
    const { promises, flow, onDone } = first;
    const parts: Item[] = promises.map((promise) => ({ promises: [promise] }));
    if (flow !== undefined) parts.push({ promises: [], flow });
    if (onDone !== undefined) parts.push({ ...parts.pop()!, onDone });
    this.#items.splice(0, 1, ...parts);
    return true;
  }

  #grow(by: number): void {
    this.#size += by;
    const { maxBuffered, onRoom } = this.#options;
    const hasRoom = this.#hasRoom ? this.#size < maxBuffered : this.#size < maxBuffered / 2;
    if (hasRoom === this.#hasRoom) return;
    this.#hasRoom = hasRoom;
    onRoom?.(hasRoom);
  }
}

/** How many deliveries and records these are. */
export function sizeOf(items: readonly Item[]): number {
  return items.reduce((sum, { promises, flow }) => sum + promises.length + (flow === undefined ? 0 : 1), 0);
}

const deliveriesIn = (items: readonly Item[]): number => items.reduce((sum, { promises }) => sum + promises.length, 0);

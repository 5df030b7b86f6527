import type { Clock } from '../clock.js';

/** Rings at the earliest of the times that were asked for, once; then it has to be set again. One timer, however many ask. */
export class Alarm {
  readonly #clock: Clock;
  readonly #onRing: (dueMs: number) => void;
  #dueMs = Infinity;
  #waiting = new AbortController();

  /** `onRing` gets the time at which it was to ring, on `Clock.monotonicMs`: it may be later by then. */
  constructor(clock: Clock, onRing: (dueMs: number) => void) {
    this.#clock = clock;
    this.#onRing = onRing;
  }

  set(atMs: number): void {
    if (atMs >= this.#dueMs) return;
    this.#waiting.abort(RESET);
    this.#dueMs = atMs;
    void this.#wait(this.#waiting = new AbortController());
  }

  stop(): void {
    this.#waiting.abort(RESET);
    this.#dueMs = Infinity;
  }

  async #wait(waiting: AbortController): Promise<void> {
    await this.#clock.sleep(Math.max(0, this.#dueMs - this.#clock.monotonicMs()), waiting.signal);
    if (waiting.signal.aborted) return;
    const dueMs = this.#dueMs;
    this.#dueMs = Infinity;
    this.#onRing(dueMs);
  }
}

/** Without a reason of ours each abort would make an error with a stack. */
const RESET = 'reset';

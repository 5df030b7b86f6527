/** Counts how often something has happened, and lets others wait for it without watching the time. */
export class Milestone<T> {
  readonly #reached: T[] = [];
  readonly #waiting = new Map<number, ((value: T) => void)[]>();

  get count(): number { return this.#reached.length; }

  reach(value: T): void {
    this.#reached.push(value);
    for (const resolve of this.#waiting.get(this.#reached.length) ?? []) resolve(value);
    this.#waiting.delete(this.#reached.length);
  }

  /** The `nth` time, counted from 1, also when it is past already; by default the next one. */
  wait(nth = this.#reached.length + 1): Promise<T> {
    if (nth <= this.#reached.length) return Promise.resolve(this.#reached[nth - 1]!);
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(nth) ?? [];
      this.#waiting.set(nth, [...waiting, resolve]);
    });
  }
}

/** Figures by stretches of time, the last so many of them: what is older is forgotten, so it costs the same however long it runs. */
export class Steps<T> {
  readonly #options: { stepMs: number; most: number; empty: () => T };
  readonly #steps = new Map<number, T>();

  /** `empty` makes the figures of a stretch in which nothing has happened yet. */
  constructor(options: { stepMs: number; most: number; empty: () => T }) {
    this.#options = options;
  }

  /** The figures of the stretch that `nowMs` lies in. `nowMs` is of one clock that never goes back. */
  at(nowMs: number): T {
    const { stepMs, most, empty } = this.#options;
    const place = Math.floor(nowMs / stepMs);
    const known = this.#steps.get(place);
    if (known !== undefined) return known;
    const fresh = empty();
    this.#steps.set(place, fresh);
    for (const old of this.#steps.keys()) if (old <= place - most) this.#steps.delete(old); else break;
    return fresh;
  }

  /** The last `count` whole stretches before the one of `nowMs`, the oldest first, with how long before `nowMs` each began. */
  last(nowMs: number, count = this.#options.most - 1): { agoMs: number; step: T }[] {
    const { stepMs, empty } = this.#options;
    const place = Math.floor(nowMs / stepMs);
    return Array.from({ length: count }, (_, index) => place - count + index)
      .map((at) => ({ agoMs: nowMs - at * stepMs, step: this.#steps.get(at) ?? empty() }));
  }
}

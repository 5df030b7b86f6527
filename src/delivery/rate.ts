/** By how much of a second POSTs may come closer together than evenly: timers are no finer than milliseconds, and come late. */
const BURST_SECONDS = 0.05;

/**
 * How fast each subscription may be sent to: evenly spread, so many a second. Remembers only those that were sent to a moment ago.
 * A token bucket, kept as the one moment at which it will be full again.
 */
export class Rate {
  readonly #fullAtMs = new Map<string, number>();

  /** Takes leave for one POST and returns 0, or takes nothing and returns in how many milliseconds to ask again. */
  take(subscriptionId: string, perSecond: number, nowMs: number): number {
    const spacingMs = 1_000 / perSecond;
    const burst = Math.max(1, Math.floor(perSecond * BURST_SECONDS));
    const fullAtMs = Math.max(nowMs, this.#fullAtMs.get(subscriptionId) ?? 0);
    const waitMs = fullAtMs - (burst - 1) * spacingMs - nowMs;
    if (waitMs > 0) return waitMs;
    this.#fullAtMs.set(subscriptionId, fullAtMs + spacingMs);
    return 0;
  }

  /** Forgets those whose buckets are full. */
  sweep(nowMs: number): void {
    for (const [id, fullAtMs] of this.#fullAtMs) if (fullAtMs <= nowMs) this.#fullAtMs.delete(id);
  }
}

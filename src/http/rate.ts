import type { Clock } from '../clock.js';

/** Whether one more may pass, and if not, how long until one may. */
export type Passage = { kind: 'passed' } | { kind: 'limited'; afterMs: number };

/** How often each of many callers may do something. */
export interface RateLimit {
  /** Takes one from the caller's bucket if there is one. */
  take(caller: string): Passage;
}

interface Bucket { tokens: number; atMs: number }

/** Callers remembered at once; an attacker with many addresses must not fill our memory. */
const MAX_CALLERS = 10_000;

/** Token buckets that hold `perMinute` and refill evenly, so a caller may burst up to one minute's worth. */
export function createRateLimit(perMinute: number, clock: Pick<Clock, 'monotonicMs'>): RateLimit {
  const perMs = perMinute / 60_000;
  const buckets = new Map<string, Bucket>();

  function forgetOldest(): void {
    const [oldest] = buckets.keys();
    if (oldest !== undefined) buckets.delete(oldest);
  }

  return {
    take(caller) {
      const atMs = clock.monotonicMs();
      const known = buckets.get(caller);
      const tokens = known === undefined ? perMinute : Math.min(perMinute, known.tokens + (atMs - known.atMs) * perMs);
      const passed = tokens >= 1;
      buckets.delete(caller); // and back in at the end: the first one is always the one unheard of for longest
      buckets.set(caller, { tokens: passed ? tokens - 1 : tokens, atMs });
      if (buckets.size > MAX_CALLERS) forgetOldest();
      return passed ? { kind: 'passed' } : { kind: 'limited', afterMs: Math.ceil((1 - tokens) / perMs) };
    },
  };
}

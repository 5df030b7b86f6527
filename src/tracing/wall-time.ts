import type { Clock } from '../clock.js';

/** What the wall clock, which ticks in whole milliseconds, may seem to be off without having been set. */
const TICKS_MS = 5;

/**
 * Makes milliseconds since 1970 of a moment on `Clock.monotonicMs`. All are counted from one moment, so that spans of one process fit together; from
 * another one when the machine's clock has been set.
 */
export function wallTimeBy(clock: Pick<Clock, 'now' | 'monotonicMs'>): (monotonicMs: number) => number {
  const measured = () => clock.now().getTime() - clock.monotonicMs();
  let beganMs = measured();
  return (monotonicMs) => {
    const nowBeganMs = measured();
    if (Math.abs(nowBeganMs - beganMs) > TICKS_MS) beganMs = nowBeganMs;
    return beganMs + monotonicMs;
  };
}

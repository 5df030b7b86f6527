/** How often, and after which waits, a webhook that was not taken is sent again. */
export interface RetryPolicy {
  /** The wait after the first attempt, after the second, …; when they are used up, the delivery is given up. */
  waitsMs: readonly number[];
  /** How far each wait is spread to either side, as a share of it: 0.1 is ±10 %. */
  jitter: number;
  /** A number in [0, 1); injected so that tests can pin the jitter. */
  random: () => number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Eleven attempts over a day: quick ones for a restart of the receiver, long ones for its lost night. */
export const DEFAULT_WAITS_MS: readonly number[] = [
  5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 8 * HOUR,
];

/** The wait after `attempt` (counted from 1), spread so that a mended receiver is not stampeded; undefined after the last. */
export function backoffMs(attempt: number, { waitsMs, jitter, random }: RetryPolicy): number | undefined {
  const waitMs = waitsMs[attempt - 1];
  return waitMs === undefined ? undefined : Math.round(waitMs * (1 - jitter + random() * 2 * jitter));
}

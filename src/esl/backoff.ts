const FIRST_MS = 500;

/** The longest wait between two tries, and the wait after a refusal that only the operator can mend. */
export const CEILING_MS = 30_000;

/**
 * How long to wait after the `failures`-th failure in a row, in ms: 0.5 s doubling to 30 s. The last quarter is chance, so that
 * many daemons do not come back to a restarted switch at one moment: its listen backlog is 5 (mod_event_socket.c).
 */
export function backoffMs(failures: number, random: () => number): number {
  const base = Math.min(FIRST_MS * 2 ** Math.max(0, failures - 1), CEILING_MS);
  return Math.round(base * (0.75 + random() * 0.25));
}

/**
 * How long to wait when a switch has closed a link that was well: 50 to 150 ms, since after `reload mod_event_socket` it listens again
 * after 0.1 s (measured).
 */
export function quickMs(random: () => number): number {
  return Math.round(50 + random() * 100);
}

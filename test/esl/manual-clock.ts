import type { Clock } from '../../src/clock.js';

interface Sleep { ms: number; dueMs: number; wake: () => void }

/** A clock that stands still until the test moves it, and tells who is asleep for how long. */
export function manualClock() {
  let nowMs = 0;
  const sleeps = new Set<Sleep>();
  let watchers: (() => void)[] = [];

  const clock: Clock = {
    now: () => new Date(1_767_225_600_000 + nowMs),
    monotonicMs: () => nowMs,
    sleep: (ms, signal) => new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const sleep: Sleep = { ms, dueMs: nowMs + ms, wake: () => { sleeps.delete(sleep); signal?.removeEventListener('abort', sleep.wake); resolve(); } };
      sleeps.add(sleep);
      signal?.addEventListener('abort', sleep.wake);
      for (const watcher of watchers) watcher();
    }),
  };

  return {
    clock,
    /** Resolves with its length as soon as someone sleeps between `fromMs` and `toMs`. */
    asleep: (fromMs: number, toMs = fromMs) => new Promise<number>((resolve) => {
      const look = () => {
        const found = [...sleeps].find(({ ms }) => ms >= fromMs && ms <= toMs);
        if (!found) return;
        watchers = watchers.filter((watcher) => watcher !== look);
        resolve(found.ms);
      };
      watchers.push(look);
      look();
    }),
    advance: (ms: number) => {
      nowMs += ms;
      for (const sleep of [...sleeps]) if (sleep.dueMs <= nowMs) sleep.wake();
    },
    asleepNow: () => [...sleeps].map(({ ms }) => ms).sort((a, b) => a - b),
  };
}

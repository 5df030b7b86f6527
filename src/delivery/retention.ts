import type { Clock } from '../clock.js';
import { agedDays, bringBack, dropDay, LOCK_NOT_AVAILABLE, makeDay, missingDays, thinDay } from '../db/outbox-history.js';
import { deleteStray, type Retention } from '../db/outbox-upkeep.js';
import { codeOf, type Queryable } from '../db/pool.js';
import type { Service } from '../lifecycle.js';
import type { Logger } from '../log.js';

export interface RetentionDeps { db: Queryable; clock: Clock; log: Logger; random: () => number }

/** How long what has ended is kept as the tenant's history. */
export const DEFAULT_RETENTION: Retention = { deliveredDays: 14, abandonedDays: 30 };

const BATCH = 2_000;
const PAUSE_MS = 100;
const ROUND_MS = 600_000;
/** After a moment in which somebody held the tables for longer than we wait. */
const AGAIN_MS = 10_000;

/**
 * Keeps the days of the history: makes those to come ahead of time, and takes away those that are older than they are kept. What lies
 * outside of them goes little by little: a small batch, a pause.
 */
export function createRetention({ db, clock, log, random }: RetentionDeps, retention: Retention = DEFAULT_RETENTION): Service {
  const stopping = new AbortController();
  const { signal } = stopping;
  let loop: Promise<void> | undefined;

  async function makeDays(): Promise<void> {
    for (const day of await missingDays(db, retention)) {
      if (signal.aborted) return;
      if (await makeDay(db, day)) log.info('history has room for a day', { day });
    }
  }

  async function takeAway(): Promise<void> {
    while (!signal.aborted && await bringBack(db));
    for (const { day, due } of await agedDays(db, retention)) {
      if (signal.aborted) return;
      const isDone = await (due === 'drop' ? dropDay(db, day) : thinDay(db, day));
      if (isDone) log.info(due === 'drop' ? 'a day of the history is dropped' : 'what was delivered on a day of the history is dropped', { day });
      while (!signal.aborted && await bringBack(db));
    }
    while (!signal.aborted && await deleteStray(db, retention, BATCH) === BATCH) await clock.sleep(PAUSE_MS, signal);
  }

  /** Resolves with how long to rest. */
  async function round(): Promise<number> {
    let restMs = ROUND_MS;
    for (const step of [makeDays, takeAway]) {
      await step().catch((error: unknown) => {
        if (codeOf(error) === LOCK_NOT_AVAILABLE) restMs = AGAIN_MS;
        else log.warn('the history could not be kept in order', { code: codeOf(error) });
      });
    }
    return restMs;
  }

  async function run(): Promise<void> {
    while (!signal.aborted) await clock.sleep(await round() * (0.9 + random() * 0.2), signal);
  }

  return {
    name: 'retention',
    start: () => { loop ??= run(); return Promise.resolve(); },
    async stop() { stopping.abort(); await loop; },
  };
}

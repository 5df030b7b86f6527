import type { Clock } from '../clock.js';
import { oldestWaitingSeconds } from '../db/outbox-age.js';
import { countWaiting } from '../db/outbox-upkeep.js';
import type { Queryable } from '../db/pool.js';
import type { Metrics } from '../metrics.js';

const EXACT_UP_TO = 10_000;
const KEPT_MS = 5_000;

/**
 * How many deliveries wait in the outbox, whoever asks and however often, counted at most every 5 s; exact up to 10,000.
 * Rejects where Postgres cannot be asked.
 */
export function createBacklog({ db, clock, metrics }: { db: Queryable; clock: Clock; metrics: Metrics }): () => Promise<number> {
  let counted: { atMs: number; count: Promise<number> } | undefined;

  async function count(): Promise<number> {
    const waiting = await countWaiting(db, EXACT_UP_TO);
    metrics.backlog.set(waiting);
    metrics.oldest.set(waiting === 0 ? 0 : await oldestWaitingSeconds(db, EXACT_UP_TO));
    return waiting;
  }

  return () => {
    const nowMs = clock.monotonicMs();
    if (counted !== undefined && nowMs - counted.atMs < KEPT_MS) return counted.count;
    const fresh = { atMs: nowMs, count: count() };
    fresh.count.catch(() => { if (counted === fresh) counted = undefined; }); // a failure is not kept
    counted = fresh;
    return fresh.count;
  };
}

import type { Clock } from '../clock.js';
import { deleteOld, type Retention } from '../db/outbox-upkeep.js';
import { codeOf, type Queryable } from '../db/pool.js';
import type { Service } from '../lifecycle.js';
import type { Logger } from '../log.js';

export interface RetentionDeps { db: Queryable; clock: Clock; log: Logger; random: () => number }

/** How long what has ended is kept as the tenant's history. */
export const DEFAULT_RETENTION: Retention = { deliveredDays: 14, abandonedDays: 30 };

const BATCH = 2_000;
const PAUSE_MS = 100;
const ROUND_MS = 600_000;

/** Deletes history that is older than it is kept, little by little: a small batch, a pause, and a long rest after the last. */
export function createRetention({ db, clock, log, random }: RetentionDeps, retention: Retention = DEFAULT_RETENTION): Service {
  const stopping = new AbortController();
  let loop: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const deleted = await deleteOld(db, retention, BATCH).catch((error: unknown) => {
        log.warn('old deliveries could not be deleted', { code: codeOf(error) });
        return 0;
      });
      await clock.sleep(deleted === BATCH ? PAUSE_MS : ROUND_MS * (0.9 + random() * 0.2), stopping.signal);
    }
  }

  return {
    name: 'retention',
    start: () => { loop ??= run(); return Promise.resolve(); },
    async stop() { stopping.abort(); await loop; },
  };
}

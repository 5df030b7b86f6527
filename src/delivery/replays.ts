import type { Clock } from '../clock.js';
import { countReplay, hasBacklog, nextStepMs, noteStep, putOff, takeReplay, urlsOf, type DueReplay } from '../db/replays.js';
import { replay, type ReplayFilter } from '../db/outbox-replay.js';
import { codeOf, inTransaction, type Pool, type Queryable } from '../db/pool.js';
import type { Service } from '../lifecycle.js';
import type { Logger } from '../log.js';
import type { Metrics } from '../metrics.js';
import { urlKey } from '../webhook/identity.js';

export interface ReplaysDeps { pool: Pool; clock: Clock; log: Logger; metrics: Metrics; random: () => number }

export interface ReplayPace {
  /** Deliveries made due by one step. */
  step: number;
  /** Between two steps of one replay. */
  pauseMs: number;
  /** While so many of the tenant's deliveries wait where the replay would send more, it waits, too … */
  backlog: number;
  /** … and looks again after this. */
  fullPauseMs: number;
  /** How often to look for a replay that somebody has begun, or left. */
  pollMs: number;
}

/** Slow enough that live webhooks, to whomever, find slots; as fast as one receiver of ours takes them. */
export const DEFAULT_PACE: ReplayPace = { step: 500, pauseMs: 100, backlog: 1_000, fullPauseMs: 500, pollMs: 1_000 };

/**
 * Has sent once more what tenants asked for, step by step. A step and the note of it are one transaction, on a row that is locked
 * meanwhile: so any number of daemons may work on replays, each step is done once, and where a daemon dies the next step is another's.
 */
export function createReplays({ pool, clock, log, metrics, random }: ReplaysDeps, pace: ReplayPace = DEFAULT_PACE): Service {
  const stopping = new AbortController();
  let loop: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const stepped = await inTransaction(pool, (db) => step(db, pace)).catch((error: unknown) => {
        log.warn('a step of a replay failed and will be repeated', { code: codeOf(error) });
        return { kind: 'none', waitMs: pace.pollMs } as const;
      });
      if (stepped.kind !== 'none') metrics.replayed.inc(stepped.more);
      if (stepped.kind === 'finished') metrics.replaysFinished.inc();
      if (stepped.kind === 'finished') log.info('replay finished', { replay: stepped.id, domain: stepped.domainId, replayed: stepped.replayed });
      if (stepped.kind === 'none') await clock.sleep(stepped.waitMs * (0.9 + random() * 0.2), stopping.signal);
    }
  }

  return {
    name: 'replays',
    start: () => { loop ??= run(); return Promise.resolve(); },
    async stop() { stopping.abort(); await loop; },
  };
}

/** `waitMs`: how long there is nothing to do. `more`: deliveries made due by the step. */
type Stepped = { kind: 'none'; waitMs: number } | { kind: 'stepped'; more: number } | { kind: 'finished'; more: number; id: string; domainId: string; replayed: number };

/** Where another daemon has the step that is due. */
const LEAST_WAIT_MS = 20;

/** One step of the replay that has waited longest for one. */
async function step(db: Queryable, pace: ReplayPace): Promise<Stepped> {
  const due = await takeReplay(db);
  if (due === undefined) return { kind: 'none', waitMs: Math.max(LEAST_WAIT_MS, Math.min(await nextStepMs(db) ?? Infinity, pace.pollMs)) };
  const urls = await urlsOf(db, due.domainId, due.subscriptionId);
  if (await hasBacklog(db, due.domainId, urls.map(urlKey), pace.backlog)) {
    await putOff(db, due.id, pace.fullPauseMs);
    return { kind: 'stepped', more: 0 };
  }
  const matched = due.cursor === null && due.matched === null ? await countReplay(db, due) : due.matched;
  const { replayed, cursor } = await replay(db, filterOf(due), pace.step, due.cursor);
  await noteStep(db, due.id, { replayed, matched, cursor, pauseMs: pace.pauseMs });
  return cursor === null ? { kind: 'finished', more: replayed, id: due.id, domainId: due.domainId, replayed: due.replayed + replayed } : { kind: 'stepped', more: replayed };
}

function filterOf({ domainId, subscriptionId, callId, number, from, to, states }: DueReplay): ReplayFilter {
  return {
    domainId, to, states,
    ...(subscriptionId !== null && { subscriptionId }), ...(callId !== null && { callId }), ...(number !== null && { number }), ...(from !== null && { from }),
  };
}

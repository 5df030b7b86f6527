import type { SwitchEvent } from '../calls/event.js';
import type { LiveFlow } from '../calls/live.js';
import type { Notice } from '../calls/notice.js';
import type { Clock } from '../clock.js';
import { oldestWaiting } from '../db/backlog-oldest.js';
import type { Delivery } from '../db/outbox.js';
import type { Queryable } from '../db/pool.js';
import type { Logger } from '../log.js';
import type { Metrics } from '../metrics.js';
import type { Directory } from '../subscriptions/directory.js';
import { Onlooker } from './onlooker.js';
import { createOverview, type Overview, type OverviewDeps } from './overview.js';

/** What the daemon's parts are given to tell what they do. */
interface Watch {
  event(event: SwitchEvent): void;
  notice(notice: Notice, deliveries: number): void;
  attempt(delivery: Delivery, verdict: { kind: string; status?: number; reason?: string }, ms: number): void;
}

export interface LookOnDeps {
  /** Is told everything, too. */
  watch: Watch;
  directory: Pick<Directory, 'byId'>;
  clock: Pick<Clock, 'now' | 'monotonicMs'>;
  metrics: OverviewDeps['metrics'] & Pick<Metrics, 'reconciliations'>;
  db: Queryable;
  log: Logger;
}

/** What the parts know that the overview asks for. */
export interface LookAt {
  switches: readonly { name: string }[];
  callsOf: (switchName: string) => { openFlows: number; live(most: number): readonly LiveFlow[] };
  deliveries: { backlog(): Promise<number>; health: OverviewDeps['health'] };
}

const EXACT_UP_TO = 10_000;

/** All that the operator's overview needs: `watch` for the parts, `link` for each switch's ups and downs, and the overview itself. */
export function lookOn({ watch, directory, clock, metrics, db, log }: LookOnDeps) {
  const onlooker = new Onlooker(clock, (id) => directory.byId(id)?.domainName);

  /** It stands between a switch and its webhooks: a fault in here must not cost any. */
  function look(at: () => void): void {
    try {
      at();
    } catch (error) {
      log.error('something is missing in the overview by a fault of ours', { error: error instanceof Error ? error.stack : String(error) });
    }
  }

  const both: Watch = {
    event(event) { look(() => onlooker.event(event)); watch.event(event); },
    notice(notice, deliveries) { watch.notice(notice, deliveries); },
    attempt(delivery, verdict, ms) { look(() => onlooker.attempt(delivery, verdict, ms)); watch.attempt(delivery, verdict, ms); },
  };
  return {
    watch: both,
    link: (name: string) => ({ onUp: () => onlooker.onUp(name), onDown: () => onlooker.onDown(name) }),
    overview: ({ switches, callsOf, deliveries }: LookAt): (() => Promise<Overview>) => createOverview({
      onlooker, clock, metrics, switches: switches.map(({ name }) => name),
      flowsOf: (name, most) => { const calls = callsOf(name); return { open: calls.openFlows, flows: calls.live(most) }; },
      backlog: async () => {
        const oldest = await oldestWaiting(db, EXACT_UP_TO);
        return { waiting: oldest === null ? 0 : await deliveries.backlog(), oldest }; // the count may be some seconds old
      },
      health: () => deliveries.health(),
    }),
  };
}

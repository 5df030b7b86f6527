import { setImmediate as nextTurn } from 'node:timers/promises';
import { Calls } from '../calls/calls.js';
import type { SwitchEvent } from '../calls/event.js';
import type { Notice } from '../calls/notice.js';
import type { CallRules } from '../calls/rules.js';
import type { Clock } from '../clock.js';
import type { NewDelivery } from '../db/outbox.js';
import type { Service } from '../lifecycle.js';
import type { Logger } from '../log.js';
import type { Metrics } from '../metrics.js';
import type { Directory } from '../subscriptions/directory.js';
import { promise } from './promise.js';

export interface IngestDeps {
  rules: CallRules;
  directory: Pick<Directory, 'find' | 'isTenant'>;
  /** Takes promises at once and makes them durable by itself. */
  add: (deliveries: readonly NewDelivery[]) => void;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
}

/** The way in: events become notices, notices become promises. */
export interface Ingest extends Service {
  /** Takes in one event, synchronously: nothing slow may lie between the socket and here. */
  onEvent(event: SwitchEvent): void;
}

/** How finely the clock is looked at for what falls due without an event (a linger is half a second). */
const TICK_MS = 50;

/** See `Ingest`. The calls of each switch are understood by themselves. */
export function createIngest({ rules, directory, add, clock, log, metrics }: IngestDeps): Ingest {
  const switches = new Map<string, Calls>();
  const stopping = new AbortController();
  let loop: Promise<void> | undefined;

  const tenantOf = (name: string) => (directory.isTenant(name) ? name.toLowerCase() : undefined);

  function callsOf(switchName: string): Calls {
    const known = switches.get(switchName);
    if (known) return known;
    const calls = new Calls({
      switchName, rules, tenantOf,
      unattributed: (flowId) => { metrics.unattributed.inc(); log.debug('no event named a tenant for a call', { switch: switchName, flow: flowId }); },
      dropped: (flowId) => { metrics.flowsDropped.inc(); log.warn('a call that never ended was dropped', { switch: switchName, flow: flowId }); },
    });
    switches.set(switchName, calls);
    return calls;
  }

  function tell(notices: readonly Notice[]): void {
    for (const notice of notices) {
      metrics.notices.inc({ state: notice.state });
      const deliveries = promise(notice, directory);
      log.debug('notice', { switch: notice.switchName, domain: notice.domain, flow: notice.flowId, call: notice.payload.call_id, state: notice.state, deliveries: deliveries.length });
      if (deliveries.length > 0) add(deliveries);
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await clock.sleep(TICK_MS, stopping.signal);
      // After a pause of the process what it waited for may lie unread in the socket: that comes first.
      if ([...switches.values()].some(isDue)) await nextTurn();
      for (const calls of switches.values()) if (isDue(calls)) tell(calls.tick(clock.monotonicMs()));
      metrics.flowsOpen.set([...switches.values()].reduce((sum, calls) => sum + calls.openFlows, 0));
    }
  }

  const isDue = (calls: Calls) => (calls.nextDueMs() ?? Infinity) <= clock.monotonicMs();

  return {
    name: 'ingest',
    onEvent: (event) => tell(callsOf(event.switchName).accept(event)),
    start: () => { loop ??= run(); return Promise.resolve(); },
    async stop() { stopping.abort(); await loop; },
  };
}

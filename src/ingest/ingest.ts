import { setImmediate as nextTurn } from 'node:timers/promises';
import { Calls } from '../calls/calls.js';
import type { SwitchEvent } from '../calls/event.js';
import { NOTICE_STATES, type Notice } from '../calls/notice.js';
import type { CallRules } from '../calls/rules.js';
import type { Clock } from '../clock.js';
import type { FlowRecord, NewDelivery } from '../db/outbox.js';
import type { Service } from '../lifecycle.js';
import type { Logger } from '../log.js';
import type { Metrics } from '../metrics.js';
import type { Directory } from '../subscriptions/directory.js';
import type { Trace } from '../tracing/trace.js';
import { askedIn } from './asked.js';
import { promise } from './promise.js';

export interface IngestDeps {
  rules: CallRules;
  directory: Pick<Directory, 'find' | 'isTenant' | 'asksForMore'>;
  /** Takes promises at once and makes them durable by itself, together with what is to be known of their flow. */
  add: (deliveries: readonly NewDelivery[], flow?: FlowRecord) => void;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  /** Told of everything that comes in, and what it becomes; neither throws nor waits. */
  watch?: { event(event: SwitchEvent): void; notice(notice: Notice, deliveries: number): void };
  /** Told of what a notice became, for the trace of its call; neither throws nor waits. */
  trace?: Pick<Trace, 'noticed'> | undefined;
}

/** One switch as far as it was heard. */
export interface HeardSwitch {
  readonly calls: Calls;
  /** Its own time of the last event, microseconds; 0 until then. */
  heardUs: number;
  /** CHANNEL_CREATEs heard since the start. */
  created: number;
}

/** The way in: events become notices, notices become promises. */
export interface Ingest extends Service {
  /** Takes in one event, synchronously: nothing slow may lie between the socket and here. */
  onEvent(event: SwitchEvent): void;
  heardOf(switchName: string): HeardSwitch;
  /** Promises what was concluded without an event of the switch. */
  tell(switchName: string, notices: readonly Notice[]): void;
}

/** How finely the clock is looked at for what falls due without an event (a linger is half a second). */
const TICK_MS = 50;

/** See `Ingest`. The calls of each switch are understood by themselves. */
export function createIngest(deps: IngestDeps): Ingest {
  const { clock, metrics } = deps;
  const switches = new Map<string, HeardSwitch>();
  const stopping = new AbortController();
  let loop: Promise<void> | undefined;

  function heardOf(switchName: string): HeardSwitch {
    const known = switches.get(switchName) ?? { calls: newCalls(switchName, deps), heardUs: 0, created: 0 };
    switches.set(switchName, known);
    return known;
  }

  function onEvent(event: SwitchEvent): void {
    const heard = heardOf(event.switchName);
    heard.heardUs = Math.max(heard.heardUs, event.timestampUs);
    if (event.name === 'CHANNEL_CREATE') heard.created += 1;
    deps.watch?.event(event);
    tell(event.switchName, heard.calls.accept(event), event);
  }

  function tell(switchName: string, notices: readonly Notice[], event?: SwitchEvent): void {
    const byFlow = new Map<string, NewDelivery[]>();
    for (const notice of notices) {
      const promised = promise(notice, deps.directory);
      count(notice, promised.length, deps);
      deps.watch?.notice(notice, promised.length);
      deps.trace?.noticed(notice, promised.length, event?.name);
      byFlow.set(notice.flowId, [...(byFlow.get(notice.flowId) ?? []), ...promised]);
    }
    for (const { domain, ...kept } of heardOf(switchName).calls.takeKept()) {
      const deliveries = byFlow.get(kept.flowId) ?? [];
      byFlow.delete(kept.flowId);
      if (deliveries.length > 0 || isWanted(domain, deps.directory)) deps.add(deliveries, { switchName, ...kept });
    }
    for (const deliveries of byFlow.values()) if (deliveries.length > 0) deps.add(deliveries);
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await clock.sleep(TICK_MS, stopping.signal);
      // After a pause of the process what it waited for may lie unread in the socket: that comes first.
      if ([...switches.values()].some(isDue)) await nextTurn();
      for (const [name, heard] of switches) if (isDue(heard)) tell(name, heard.calls.tick(clock.monotonicMs()));
      metrics.flowsOpen.set([...switches.values()].reduce((sum, { calls }) => sum + calls.openFlows, 0));
    }
  }

  const isDue = ({ calls }: HeardSwitch) => (calls.nextDueMs() ?? Infinity) <= clock.monotonicMs();

  return {
    name: 'ingest', onEvent, heardOf, tell,
    start: () => { loop ??= run(); return Promise.resolve(); },
    async stop() { stopping.abort(); await loop; },
  };
}

function newCalls(switchName: string, { rules, directory, log, metrics }: IngestDeps): Calls {
  return new Calls({
    switchName, rules, asked: askedIn(directory),
    tenantOf: (name) => (directory.isTenant(name) ? name.toLowerCase() : undefined),
    unattributed: (flowId) => { metrics.unattributed.inc(); log.debug('no event named a tenant for a call', { switch: switchName, flow: flowId }); },
    dropped: (flowId) => { metrics.flowsDropped.inc(); log.warn('a call that never ended was dropped', { switch: switchName, flow: flowId }); },
  });
}

/** Whether anybody wants to hear of the tenant's calls; those of others need not be kept. */
const isWanted = (domain: string, directory: Pick<Directory, 'find'>) => NOTICE_STATES.some((state) => directory.find(domain, state).length > 0);

function count({ switchName, domain, flowId, payload, state, synthetic }: Notice, deliveries: number, { log, metrics }: IngestDeps): void {
  metrics.notices.inc({ state });
  if (synthetic) metrics.synthetic.inc({ reason: synthetic });
  log.debug('notice', { switch: switchName, domain, flow: flowId, call: payload.call_id, state, synthetic, deliveries });
}

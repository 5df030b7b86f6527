import { aborted, type Clock } from '../clock.js';
import { createSession } from '../db/outbox-session.js';
import type { Delivery, FlowRecord, NewDelivery } from '../db/outbox.js';
import type { Pool } from '../db/pool.js';
import type { Service } from '../lifecycle.js';
import type { Logger } from '../log.js';
import type { Metrics } from '../metrics.js';
import type { Trace } from '../tracing/trace.js';
import { judge } from '../webhook/outcome.js';
import { createBacklog } from './backlog.js';
import { Claimer } from './claimer.js';
import { deliver, type DeliverDeps } from './deliver.js';
import { lifeOf, type TimesToLive } from './expiry.js';
import { Incoming, type IncomingOptions } from './incoming.js';
import { Lanes } from './lanes.js';
import { Leftovers } from './leftovers.js';
import { Presence, type PresenceOptions } from './presence.js';
import type { BreakerPolicy } from './breaker.js';
import type { ReceiverHealth } from './health.js';
import { Receivers, type Verdict } from './receivers.js';
import type { Spill } from './spill.js';
import { Writer } from './writer.js';

export interface DeliveriesDeps extends Pick<DeliverDeps, 'send' | 'subscriptionOf' | 'policy' | 'headers'> {
  /** Needs three connections: for writing, for heartbeats, for counting. */
  pool: Pool;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  random: () => number;
  /** For what is not committed when `stop` ends; without it, that is lost. */
  spill?: Spill;
  /** Told of each attempt that was made, and what came of it. */
  observe?: (delivery: Delivery, verdict: Verdict) => void;
  /** See `Deliveries.hasRoom`; called with each change of it. */
  onRoom?: IncomingOptions['onRoom'];
  /** Told of each step of a delivery, for the trace of its call; neither throws nor waits. */
  trace?: Trace | undefined;
  /** Told of each attempt, how it went and how long it took; neither throws nor waits. */
  watch?: { attempt(delivery: Delivery, verdict: Verdict, ms: number): void };
}

export interface DeliveriesOptions extends PresenceOptions {
  /** POSTs at once, and to one URL. */
  concurrency: number;
  perUrl: number;
  /** See `SlotsOptions`. */
  slowConcurrency: number;
  slowMs: number;
  breaker: BreakerPolicy;
  /** How long a failing delivery keeps its lane waiting, from its first attempt. */
  holdMs: number;
  /** How often the outbox is looked through for what has come due. */
  pollMs: number;
  ttlMs: TimesToLive;
  /** See `Deliveries.hasRoom`. */
  maxBuffered: number;
  /** Deliveries and records of flows in one statement. */
  maxBatch: number;
}

export const DEFAULT_DELIVERIES = {
  concurrency: 64, perUrl: 8, slowConcurrency: 512, slowMs: 250, holdMs: 600_000, pollMs: 500, heartbeatMs: 2_000, leaseMs: 15_000, timeoutMs: 10_000,
  maxBuffered: 100_000, maxBatch: 1_000,
  breaker: { failures: 10, share: 0.5, minSamples: 20, windowMs: 60_000, firstProbeMs: 15_000, lastProbeMs: 600_000 },
  ttlMs: { ringing: 900_000, answered: 900_000, hangup: 259_200_000, cdr: 259_200_000, missed: 259_200_000, recording: 259_200_000 },
};

/** The way out: takes promises, keeps them. */
export interface Deliveries extends Service {
  /**
   * Promises these webhooks, and keeps what is to be known of their flow: all in one transaction, in the order of the calls.
   * Returns at once and never throws; they are safe when `flushed` says so. Accepted before `start`, too.
   */
  add(deliveries: readonly NewDelivery[], flow?: FlowRecord): void;
  /** Deliveries and records added and not yet committed: Postgres is away, or slower than the switch. */
  buffered(): number;
  /** False from `maxBuffered` on until half of that: nothing more should be read. What is added all the same is taken. */
  hasRoom(): boolean;
  /** Resolves at the next moment when everything added is committed and every outcome recorded. */
  flushed(): Promise<void>;
  /** Resolves at the next moment when, besides, nothing is in hand and nothing due waits in the outbox. */
  idle(): Promise<void>;
  /** See `createBacklog`. */
  backlog(): Promise<number>;
  /** The URLs that are not plainly well, as this daemon has found them; at most a thousand. */
  health(): ReceiverHealth[];
}

const CLAIM_BATCH = 256;
const URLS_PER_LOOK = 1_000;
// Longer than the server's own limit for a statement, so that only silence ends a connection.
const WRITE_DEADLINE_MS = 35_000;

export function createDeliveries(deps: DeliveriesDeps, options: DeliveriesOptions): Deliveries {
  const { pool, clock, log, metrics, random } = deps;
  const { holdMs } = options;
  const dropping = new AbortController();
  const session = createSession(pool, { deadlineMs: WRITE_DEADLINE_MS });
  const presence = new Presence({ pool, clock, log, onChange: () => { claimer.lookAround(); writer.wake(); } }, options);
  const receivers = new Receivers({ clock, log, metrics, random, rateOf: ({ subscriptionId }) => deps.subscriptionOf(subscriptionId)?.ratePerSecond ?? null }, options);
  const lanes = new Lanes({ receivers, attempt, onVerdict: (delivery, verdict) => writer.record(delivery, verdict) });
  const claimer = new Claimer(lanes, receivers, { holdMs, batch: CLAIM_BATCH, urls: URLS_PER_LOOK, monotonicMs: () => clock.monotonicMs() });
  const incoming = new Incoming({ maxBuffered: options.maxBuffered, onRoom: deps.onRoom });
  const writer = new Writer({ db: session, clock, log, metrics, random, lanes, receivers, claimer, incoming, presence, trace: deps.trace }, options);
  const leftovers = new Leftovers({ incoming, log, spill: deps.spill });
  let running: Promise<void> | undefined;
  showLimits(metrics, options);

  /** A fault of ours in one delivery must not lose it, nor keep it in hand for ever: it is retried like any other, aloud. */
  async function attempt(delivery: Delivery): Promise<Verdict> {
    metrics.slotsBusy.inc();
    const startedAtMs = clock.monotonicMs();
    try {
      const verdict = await deliver(delivery, { ...deps, mayPost: () => presence.isFresh() }, dropping.signal);
      if (verdict.health !== undefined) deps.observe?.(delivery, verdict);
      deps.watch?.attempt(delivery, verdict, clock.monotonicMs() - startedAtMs);
      return verdict;
    } catch (error) {
      log.error('attempt failed by a fault of ours', { id: delivery.id, error: error instanceof Error ? error.name : 'unknown' });
      return judge({ kind: 'unreachable', code: 'FAULT', timing: { totalMs: 0 } }, delivery.attempt - delivery.attemptsBefore, deps.policy);
    } finally {
      metrics.slotsBusy.dec();
    }
  }

  return {
    name: 'deliveries',
    add(deliveries, flow) {
      const promises = deliveries.map((delivery) => ({ delivery, ...lifeOf(delivery, options.ttlMs, clock) }));
      if (promises.length === 0 && flow === undefined) return;
      incoming.add({ promises, ...(flow !== undefined && { flow }) });
      if (promises.length > 0) writer.wake(); else writer.expect();
    },
    buffered: () => incoming.size,
    hasRoom: () => incoming.hasRoom,
    flushed: () => writer.flushed(),
    idle: () => writer.idle(),
    health: () => receivers.health(),
    backlog: createBacklog({ db: pool, clock, metrics }),
    async start() {
      await leftovers.takeUp();
      await presence.start();
      running ??= writer.run();
    },
    async stop(hurry) {
      lanes.close();
      writer.close(hurry);
      await Promise.race([running, aborted(hurry).then(() => dropping.abort())]);
      session.close();
      await presence.stop(hurry);
      await leftovers.keep();
    },
  };
}

function showLimits(metrics: Metrics, { maxBuffered, concurrency, slowConcurrency }: DeliveriesOptions): void {
  metrics.bufferLimit.set(maxBuffered);
  metrics.slots.set({ pool: 'ordinary' }, concurrency);
  metrics.slots.set({ pool: 'slow' }, slowConcurrency);
}

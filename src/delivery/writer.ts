import type { Clock } from '../clock.js';
import { append, Raced, type Appended, type Offer } from '../db/outbox-append.js';
import { releaseUnknown } from '../db/outbox-daemon.js';
import { expire } from '../db/outbox-expire.js';
import { settle, type Settled } from '../db/outbox-settle.js';
import type { Delivery, FlowRecord, NewDelivery } from '../db/outbox.js';
import { codeOf, isOfData, type Queryable } from '../db/pool.js';
import type { Logger } from '../log.js';
import type { Metrics } from '../metrics.js';
import type { Trace } from '../tracing/trace.js';
import type { Claimer } from './claimer.js';
import { sizeOf, type Incoming, type Item, type Promised } from './incoming.js';
import type { Lanes } from './lanes.js';
import type { Receivers, Verdict } from './receivers.js';

export interface WriterDeps {
  db: Queryable;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  /** A number in [0, 1); injected so that tests can pin the jitter. */
  random: () => number;
  lanes: Lanes;
  receivers: Receivers;
  claimer: Claimer;
  incoming: Incoming;
  /** This process in the outbox, and whether its leases are sure to hold. */
  presence: { id(): number; isFresh(): boolean };
  /** Told of each promise that was kept or could not be; neither throws nor waits. */
  trace?: Pick<Trace, 'appended' | 'unstorable'> | undefined;
}

export interface WriterOptions {
  /** This daemon's name: the flows that it keeps are kept under it. */
  name: string;
  holdMs: number;
  /** How often the outbox is looked through for what has come due. */
  pollMs: number;
  /** Deliveries and records of flows in one statement, more only where one event brings more. */
  maxBatch: number;
}

/** Without a reason of ours each abort would make an error with a stack. */
const WOKEN = 'woken';

interface Result { readonly delivery: Delivery; readonly verdict: Verdict }

/** What is appended by one statement, or by one for each day. */
interface Batch {
  readonly items: readonly Item[];
  /** By the delivery's id. */
  readonly promises: ReadonlyMap<string, Promised>;
  readonly offers: readonly Offer[];
  /** Nothing is sent with it: of several statements, or one that is repeated, the answers would come in another order. */
  readonly alone: boolean;
}

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 5_000;
/**
 * Outcomes, and records of flows that bring no delivery, wait for others: so long at most, or until there are so many outcomes. Each
 * statement costs a write to the disk, for which a new delivery would have to wait. What has been sent and is not recorded is sent
 * again after a kill, so neither may be great.
 */
const PATIENCE_MS = 20;
const MOST_OUTCOMES = 16;
/** Deliveries ended for their age by one statement. */
const EXPIRE_BATCH = 1_000;

/**
 * All that this process writes to the outbox goes through here, one statement after another: what is new, then outcomes, then
 * claims. So the lanes in memory and the table never disagree: a row is leased behind one of ours only while ours is leased, and
 * what waits behind a failure is released with it. The three are sent together, Postgres need not wait until we have read its answers,
 * and what came of them is taken in in their order. They take all that has come while those before were under way, so batches grow
 * with the load and nothing new ever waits for a batch to fill. Only when so many outcomes have come that POSTs stand still for them,
 * they are sent behind what is under way: measured at full speed, a twelfth more webhooks. While Postgres is away everything is kept
 * and tried again; its order does not change.
 */
export class Writer {
  readonly #deps: WriterDeps;
  readonly #options: WriterOptions;
  readonly #results: Result[] = [];
  /** What was sent and no step waits for yet. */
  readonly #sent: Promise<void>[] = [];
  readonly #flushWaiters: (() => void)[] = [];
  readonly #idleWaiters: (() => void)[] = [];
  readonly #hurry = new AbortController();
  /** So many outcomes wait for no others. */
  readonly #mostOutcomes: number;
  #bell = new AbortController();
  #closing = false;
  #failures = 0;
  #batchLimit: number;
  #pollAtMs = 0;
  /** When what may wait is written at the latest; undefined where nobody has said that it may. */
  #patientUntilMs: number | undefined;
  #expiring = false;
  /** A step waits for what it has sent. */
  #isWaiting = false;
  /** Resolves when all that was sent has been taken in. */
  #taken: Promise<void> = Promise.resolve();
  /** The append lost a race when others were sent with it. */
  #raced = false;
  /** Postgres may have leased to us what we have not heard of. */
  #inDoubt = false;

  constructor(deps: WriterDeps, options: WriterOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#batchLimit = options.maxBatch;
    this.#mostOutcomes = Math.min(MOST_OUTCOMES, deps.receivers.mostUnrecorded);
  }

  /** Takes what became of a delivery in hand. */
  record(delivery: Delivery, verdict: Verdict): void {
    this.#results.push({ delivery, verdict });
    if (this.#results.length === 1) this.expect();
    if (this.#isWaiting && this.#results.length >= this.#deps.receivers.mostUnrecorded) this.#send((before) => this.#settleBatch(before));
    else if (this.#results.length === this.#mostOutcomes) this.wake();
  }

  /** Something that can wait for others is there to be written. */
  expect(): void {
    if (this.#patientUntilMs !== undefined) return;
    this.#patientUntilMs = this.#deps.clock.monotonicMs() + PATIENCE_MS;
    this.wake();
  }

  wake(): void { this.#bell.abort(WOKEN); }

  /** Resolves when all that came in is committed. */
  flushed(): Promise<void> {
    return new Promise((resolve) => { this.#flushWaiters.push(resolve); this.wake(); });
  }

  /** Resolves when, besides, nothing is in hand and nothing due is waiting. */
  idle(): Promise<void> {
    this.#lookAround();
    return new Promise((resolve) => { this.#idleWaiters.push(resolve); this.wake(); });
  }

  /** Works until `close`. */
  async run(): Promise<void> {
    while (!this.#isFinished()) {
      this.#pollIfTime();
      this.#deps.metrics.buffered.set(this.#deps.incoming.size);
      if (this.#hasWork()) await this.#step().then(() => this.#recovered(), (error: unknown) => this.#failed(error));
      else await this.#rest();
    }
  }

  /** Ends `run` once all is written and the lanes are empty; as soon as `hurry` aborts, without. */
  close(hurry: AbortSignal): void {
    this.#closing = true;
    const end = () => { this.#hurry.abort(); this.wake(); };
    if (hurry.aborted) end();
    else hurry.addEventListener('abort', end, { once: true });
    this.wake();
  }

  async #step(): Promise<void> {
    const { db, presence, lanes, claimer, incoming } = this.#deps;
    if (this.#inDoubt) await releaseUnknown(db, presence.id(), lanes.ids());
    this.#inDoubt = false;
    const [appends, settles] = [this.#mustAppend(), this.#mustSettle()];
    const leavesNothing = (appends || incoming.size === 0) && (settles || !this.#hasResults());
    if (leavesNothing) this.#patientUntilMs = undefined; // else what is left has waited since then
    const batch = appends ? this.#nextBatch() : undefined;
    if (batch !== undefined) this.#send((before) => this.#append(batch, before));
    if (batch?.alone) await this.#answered();
    if (settles) this.#send((before) => this.#settleBatch(before));
    const reserved = batch?.offers.filter(({ lease }) => lease).length ?? 0;
    if (this.#mayLease() && claimer.isReady()) this.#send((before) => claimer.claimOnce(db, presence.id(), { reserved, before }));
    this.#isWaiting = true;
    await this.#answered().finally(() => { this.#isWaiting = false; });
    if (incoming.size > 0 || this.#results.length > 0) this.expect();
    if (this.#mayExpire()) await this.#expireBatch();
    if (this.#mayLease() && claimer.isLooking()) await claimer.look(db);
  }

  /** Sends one thing more, which is told when all before it has been taken in. What becomes of it, a step hears of. */
  #send(statement: (before: Promise<void>) => Promise<void>): void {
    const before = this.#taken;
    const sent = statement(before);
    this.#taken = sent.catch(() => {}).then(() => before);
    this.#sent.push(sent);
  }

  /** Waits for all that is sent by now, whatever becomes of it; rejects as the first of them that did. */
  async #answered(): Promise<void> {
    for (const result of await Promise.allSettled(this.#sent.splice(0))) if (result.status === 'rejected') throw result.reason;
  }

  /** What came of it is taken in after `before`. */
  async #settleBatch(before: Promise<void>): Promise<void> {
    const { lanes } = this.#deps;
    for (const delivery of lanes.takeBlocked()) this.#results.push({ delivery, verdict: { kind: 'released' } });
    const batch = this.#results.splice(0);
    const settled = await this.#settle(batch, before);
    const rows = new Map(settled.map((row) => [leaseKey(row), row]));
    for (const result of batch) this.#confirm(result, rows.get(leaseKey(result.delivery)));
  }

  /** Where it fails all will be there to be sent again. */
  async #settle(batch: readonly Result[], before: Promise<void>): Promise<Settled[]> {
    const settlements = batch.map(({ delivery, verdict }) => ({ id: delivery.id, day: delivery.day, attempt: delivery.attempt, outcome: verdict, record: verdict.record }));
    try {
      return await inTurn(before, settle(this.#deps.db, settlements, this.#lease()));
    } catch (error) {
      this.#results.unshift(...batch);
      throw error;
    }
  }

  #confirm({ delivery, verdict }: Result, row: Settled | undefined): void {
    const { lanes, claimer, metrics } = this.#deps;
    lanes.settled(delivery, verdict, row !== undefined);
    if (row?.frees || verdict.kind === 'released') claimer.want(delivery.urlKey);
    if (verdict.kind === 'released') return;
    if (row === undefined) metrics.lostLeases.inc();
    else if (verdict.kind !== 'retry' && verdict.kind !== 'held') metrics.settled.inc({ outcome: verdict.kind === 'disabled' ? 'abandoned' : verdict.kind });
  }

  #nextBatch(): Batch {
    const items = this.#deps.incoming.head(this.#batchLimit);
    const promises = new Map(items.flatMap((item) => item.promises.map((promise) => [promise.delivery.id, promise])));
    const offers = this.#offersFor(promises.values());
    const alone = this.#raced || offers.some(({ delivery }) => delivery.flowDay !== offers[0]!.delivery.flowDay);
    return { items, promises, offers, alone };
  }

  async #append(batch: Batch, before: Promise<void>): Promise<void> {
    const { db, incoming, metrics } = this.#deps;
    const { items, promises, offers, alone } = batch;
    try {
      const rows = await inTurn(before, append(db, offers, { ...this.#lease(), ...(!alone && { mostRaces: 1 }) }, { owner: this.#options.name, records: lastRecords(items) }));
      this.#raced = false;
      incoming.remove(items);
      this.#batchLimit = Math.min(this.#batchLimit * 2, this.#options.maxBatch);
      this.#admit(promises, rows);
    } catch (error) {
      if (error instanceof Raced && !alone) { this.#raced = true; return; }
      metrics.appendFailures.inc();
      if (!isOfData(error)) throw error;
      this.#inDoubt = true; // of several days some may be there
      this.#narrow(items, codeOf(error));
    }
  }

  async #expireBatch(): Promise<void> {
    const { db, claimer, metrics } = this.#deps;
    const urlKeys = await expire(db, EXPIRE_BATCH);
    this.#expiring = urlKeys.length === EXPIRE_BATCH; // a full batch hints at more
    if (urlKeys.length > 0) metrics.settled.inc({ outcome: 'expired' }, urlKeys.length);
    for (const urlKey of urlKeys) claimer.want(urlKey);
  }

  /** A row asks for a lease where there is room for it and nothing of its URL waits in the outbox already, for that has its turn. */
  #offersFor(batch: Iterable<Promised>): Offer[] {
    const { clock, receivers, claimer } = this.#deps;
    const nowMs = clock.monotonicMs();
    const asked = new Map<string, number>();
    let left = this.#mayLease() ? receivers.totalRoom() : 0;
    return Array.from(batch, ({ delivery, ttlMs, expiresAtMs }) => {
      const { urlKey, held = false } = delivery;
      const already = asked.get(urlKey) ?? 0;
      const lease = !held && left > 0 && already < receivers.room(delivery) && !claimer.wants(urlKey);
      if (lease) { asked.set(urlKey, already + 1); left -= 1; }
      return { delivery, lease, ttlMs, expiresInMs: expiresAtMs === null ? null : expiresAtMs - nowMs };
    });
  }

  #admit(batch: ReadonlyMap<string, Promised>, rows: readonly Appended[]): void {
    const { clock, metrics, lanes, claimer, trace } = this.#deps;
    const nowMs = clock.monotonicMs();
    const appended = new Map(rows.map((row) => [row.id, row]));
    metrics.appended.inc(rows.length);
    for (const { delivery, expiresAtMs } of batch.values()) {
      const row = appended.get(delivery.id);
      if (row === undefined) continue; // was there already
      if (delivery.receivedAtMs !== undefined) metrics.eventToCommit.observe((nowMs - delivery.receivedAtMs) / 1_000);
      trace?.appended(delivery, row);
      if (row.expired) metrics.settled.inc({ outcome: 'expired' });
      if (row.expired || delivery.held) continue;
      const leased = leasedAs(delivery, row.sequence, expiresAtMs);
      if (!row.leased) claimer.want(delivery.urlKey);
      else if (row.raced) lanes.joinBarred(leased);
      else lanes.join(leased);
    }
  }

  /** Postgres will never take something in this batch: halve it, at last take the item apart, and give up the one part that it is, aloud. */
  #narrow(items: readonly Item[], code: string): void {
    const { incoming, log, trace } = this.#deps;
    this.#batchLimit = Math.max(1, sizeOf(items) >> 1);
    if (items.length > 1 || incoming.splitFirst()) return;
    const [{ promises: [promise], flow }] = items as [Item];
    log.error('notice cannot be stored and is dropped', { code, id: promise?.delivery.id, event: promise?.delivery.event, flow: flow?.flowId });
    if (promise !== undefined) trace?.unstorable(promise.delivery, code);
    incoming.remove(items);
  }

  async #failed(error: unknown): Promise<void> {
    const { log, clock, random } = this.#deps;
    this.#inDoubt = true;
    this.#failures += 1;
    await Promise.allSettled(this.#sent.splice(0)); // what of it failed as well will be sent again
    if (this.#failures === 1) log.warn('outbox cannot be written, keeping everything in memory', { code: codeOf(error), buffered: this.#deps.incoming.size });
    const waitMs = Math.min(FIRST_RETRY_MS * 2 ** (this.#failures - 1), LAST_RETRY_MS);
    await clock.sleep(waitMs * (0.9 + random() * 0.2), this.#hurry.signal);
  }

  #recovered(): void {
    if (this.#failures > 0) this.#deps.log.info('outbox written again', { failures: this.#failures });
    this.#failures = 0;
  }

  async #rest(): Promise<void> {
    for (const resolve of this.#flushWaiters.splice(0)) resolve();
    if (this.#deps.lanes.isEmpty()) for (const resolve of this.#idleWaiters.splice(0)) resolve();
    this.#bell = new AbortController();
    await this.#deps.clock.sleep(Math.max(0, Math.min(this.#pollAtMs, this.#patientUntilMs ?? Infinity) - this.#deps.clock.monotonicMs()), this.#bell.signal);
  }

  #pollIfTime(): void {
    const { clock, random } = this.#deps;
    if (clock.monotonicMs() < this.#pollAtMs) return;
    this.#pollAtMs = clock.monotonicMs() + this.#options.pollMs * (0.9 + random() * 0.2);
    this.#lookAround();
  }

  #lookAround(): void {
    this.#deps.claimer.lookAround();
    this.#expiring = true;
  }

  #lease() { return { daemonId: this.#deps.presence.id(), holdMs: this.#options.holdMs }; }

  #mayLease(): boolean { return !this.#closing && this.#deps.presence.isFresh(); }

  /** Also while leases are in doubt: what is too old is so for everybody, by the clock of Postgres. */
  #mayExpire(): boolean { return this.#expiring && !this.#closing; }

  #hasResults(): boolean { return this.#results.length > 0 || this.#deps.lanes.hasBlocked(); }

  #mustAppend(): boolean {
    const { incoming } = this.#deps;
    return incoming.deliveries > 0 || (incoming.size > 0 && !this.#isPatient());
  }

  #mustSettle(): boolean {
    const isPatient = this.#isPatient() && this.#results.length > 0 && this.#results.length < this.#mostOutcomes;
    return this.#hasResults() && !isPatient;
  }

  #isPatient(): boolean { return !this.#closing && !this.#isAwaited() && this.#deps.clock.monotonicMs() < (this.#patientUntilMs ?? 0); }

  /** Whether somebody waits until all is recorded. */
  #isAwaited(): boolean { return this.#flushWaiters.length + this.#idleWaiters.length > 0; }

  #hasWork(): boolean {
    const { claimer } = this.#deps;
    return this.#sent.length > 0 || this.#mustSettle() || this.#mustAppend() || this.#mayExpire() || (this.#mayLease() && (claimer.isReady() || claimer.isLooking()));
  }

  #isFinished(): boolean {
    return this.#hurry.signal.aborted || (this.#closing && !this.#hasWork() && this.#deps.lanes.isEmpty());
  }
}

function leasedAs(delivery: NewDelivery, sequence: number, expiresAtMs: number | null): Delivery {
  return { ...delivery, day: delivery.flowDay, sequence, attempt: 1, attemptsBefore: 0, alone: false, synthetic: delivery.synthetic ?? null, replayed: false, expiresAtMs };
}

/** What came of it, when what was before it has been taken in. */
async function inTurn<T>(before: Promise<void>, answer: Promise<T>): Promise<T> {
  await Promise.allSettled([answer, before]);
  return answer;
}

const leaseKey = ({ id, attempt }: { id: string; attempt: number }) => `${id} ${attempt}`;

/** Of each flow only what was said last. */
function lastRecords(items: readonly Item[]): FlowRecord[] {
  const records = new Map<string, FlowRecord>();
  for (const { flow } of items) if (flow !== undefined) records.set(`${flow.switchName} ${flow.flowId}`, flow);
  return [...records.values()];
}

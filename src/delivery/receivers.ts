import type { Clock } from '../clock.js';
import type { Delivery } from '../db/outbox.js';
import type { Logger } from '../log.js';
import type { Metrics } from '../metrics.js';
import type { AttemptRecord, Outcome } from '../webhook/outcome.js';
import { Alarm } from './alarm.js';
import { Breaker, type BreakerPolicy } from './breaker.js';
import type { Health, ReceiverHealth } from './health.js';
import { Memory } from './memory.js';
import { Rate } from './rate.js';
import { healthIn, newReceiver, type Entry, type Post, type Receiver } from './receiver.js';
import { Slots } from './slots.js';

/**
 * What became of a delivery in hand; `released` was not sent and goes back to the outbox, nor was `expired`, which stays there, nor
 * `held`, whose subscription is disabled. `record` and `health` are there where an attempt was made.
 */
export type Verdict = (Outcome | { kind: 'released' } | { kind: 'held' }) & { readonly record?: AttemptRecord; readonly health?: Health };

export interface ReceiversOptions {
  /** See `SlotsOptions`. */
  concurrency: number;
  slowConcurrency: number;
  slowMs: number;
  /** POSTs at once to one URL. */
  perUrl: number;
  breaker: BreakerPolicy;
}

export interface ReceiversDeps {
  clock: Clock;
  log: Logger;
  metrics: Pick<Metrics, 'breakers'>;
  /** A number in [0, 1). */
  random: () => number;
  /** How many POSTs a second a delivery's subscription wants at most; null: any number. */
  rateOf: (delivery: Delivery) => number | null;
}

/**
 * In memory at most this many times the POSTs at once: what finds room is leased as it is appended, and what does not has to be claimed
 * by another statement. Measured at full speed, 2,000 waiting: with 16 of each five four are claimed, with 64 none, and Postgres has a
 * quarter less to do.
 */
const MEMORY_PER_SLOT = 64;
/**
 * In memory for one URL that is well: what it takes within this time, since all that writes to the outbox is one statement after another,
 * and a receiver that answers within milliseconds has taken much between two claims. No more, for what is in memory keeps others out.
 */
const AHEAD_MS = 2_000;
/** Of each of its slots, however quick or slow it is, with what is under way. */
const [LEAST_AHEAD, MOST_AHEAD] = [2, 64];
/**
 * No POST begins while the outcomes of so many wait to be recorded. Measured at full speed: with as many as there are slots nothing waits
 * for them, with half as many hardly anything.
 */
const UNRECORDED_PER_SLOT = 0.5;
/** How much the latest POST counts in what is usual. */
const LATEST_COUNTS = 1 / 8;
/** A URL of which nothing is known, neither whose it is nor how it does, gets so many deliveries at first. */
const FIRST_SHARE = 2;
/** After so many POSTs in a row that did not take long, a slow receiver is an ordinary one again. */
const PROMPT_AGAIN = 8;
/** How long one is remembered that is not well and to which nothing goes any more. */
const FORGET_MS = 3_600_000;
const MOST_TOLD = 1_000;

/**
 * What each URL may have: how many POSTs at once and how many deliveries in memory, by how it has been doing. One that fails is
 * left alone (`Breaker`); one that is slow has its POSTs in the slow pool (`Slots`), one at a time until they succeed; over its
 * subscription's rate a delivery waits without a slot. What must not be sent now goes back to the outbox as it was.
 */
export class Receivers {
  readonly #deps: ReceiversDeps;
  readonly #options: ReceiversOptions;
  readonly #slots: Slots;
  readonly #memory: Memory;
  readonly #rate = new Rate();
  readonly #receivers = new Map<string, Receiver>();
  /** Those where something waits for its subscription's rate. */
  readonly #throttled = new Set<Receiver>();
  readonly #alarm: Alarm;
  /** Attempts of which the outcome is not recorded yet. */
  #unrecorded = 0;
  #sweptAtMs = 0;
  #closed = false;

  constructor(deps: ReceiversDeps, options: ReceiversOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#slots = new Slots(deps.clock, options);
    this.#memory = new Memory({ ordinary: options.concurrency * MEMORY_PER_SLOT, slow: options.slowConcurrency });
    this.#alarm = new Alarm(deps.clock, () => this.#resume());
  }

  /** So many outcomes that are not recorded keep every POST from beginning. */
  get mostUnrecorded(): number { return Math.ceil(this.#options.concurrency * UNRECORDED_PER_SLOT); }

  /** A delivery came into memory. */
  enter(delivery: Delivery): void {
    const { urlKey, domainId } = delivery;
    const receiver = this.#receivers.get(urlKey) ?? newReceiver(delivery, new Breaker(this.#options.breaker, this.#options.perUrl));
    this.#receivers.set(urlKey, receiver);
    receiver.tenant = domainId;
    receiver.inMemory += 1;
    receiver.tenants.set(domainId, (receiver.tenants.get(domainId) ?? 0) + 1);
    this.#memory.enter(domainId, receiver.slow);
  }

  /** A delivery left memory: what became of it is recorded; `attempted`, where it was more than handed back. */
  leave({ urlKey, domainId }: Delivery, attempted: boolean): void {
    if (attempted) this.#count(-1);
    const receiver = this.#receivers.get(urlKey)!;
    receiver.inMemory -= 1;
    const left = receiver.tenants.get(domainId)! - 1;
    if (left === 0) receiver.tenants.delete(domainId); else receiver.tenants.set(domainId, left);
    receiver.usedAtMs = this.#deps.clock.monotonicMs();
    this.#memory.leave(domainId, receiver.slow);
  }

  /** Has the delivery posted when its URL, its subscription's rate and the whole allow it; it must be in memory. */
  run(delivery: Delivery, post: Post): void {
    const receiver = this.#receivers.get(delivery.urlKey)!;
    receiver.waiting.push({ delivery, post });
    this.#dispatch(receiver);
  }

  /** How many more deliveries that are new may come into memory for this URL: enough to keep its slots busy and no more, none while it is left alone. */
  room({ urlKey, domainId }: Pick<Delivery, 'urlKey' | 'domainId'>): number {
    const receiver = this.#receivers.get(urlKey);
    if (receiver === undefined) return Math.max(0, Math.min(LEAST_AHEAD * this.#options.perUrl, this.#memory.room(domainId, false)));
    return receiver.breaker.state === 'closed' ? this.#roomOf(receiver, domainId) : 0;
  }

  /** How many to claim for this URL now: none unless half of its share is free, so that one claim brings several; one as a probe. */
  share(urlKey: string): { room: number; probe: boolean } {
    const receiver = this.#receivers.get(urlKey);
    if (receiver === undefined) return { room: FIRST_SHARE, probe: false };
    const probe = receiver.breaker.state !== 'closed';
    const most = this.#mostOf(receiver);
    const isHungry = receiver.slow || probe ? receiver.inMemory < most : receiver.inMemory <= most / 2;
    return { room: isHungry ? this.#roomOf(receiver, receiver.tenant) : 0, probe };
  }

  /** Whose URL it is, as far as that is known. */
  tenantOf(urlKey: string): string | undefined { return this.#receivers.get(urlKey)?.tenant; }

  /** Whether the URL is left alone, and its next probe is not due. */
  isBarred(urlKey: string): boolean {
    return this.#receivers.get(urlKey)?.breaker.slots(this.#deps.clock.monotonicMs()) === 0;
  }

  totalRoom(): number { return this.#memory.totalRoom(); }

  /** Those that are not plainly well, up to a thousand. */
  health(): ReceiverHealth[] {
    const nowMs = this.#deps.clock.monotonicMs();
    const told: ReceiverHealth[] = [];
    for (const receiver of this.#receivers.values()) {
      if (receiver.breaker.isPlain && !receiver.slow) continue;
      told.push(healthIn(receiver, nowMs));
      if (told.length === MOST_TOLD) break;
    }
    return told;
  }

  /** Forgets, now and then, URLs to which nothing goes any more. */
  sweep(): void {
    const nowMs = this.#deps.clock.monotonicMs();
    const { windowMs } = this.#options.breaker;
    if (nowMs - this.#sweptAtMs < windowMs) return;
    this.#sweptAtMs = nowMs;
    this.#rate.sweep(nowMs);
    for (const [urlKey, receiver] of this.#receivers) {
      const idleMs = nowMs - receiver.usedAtMs;
      if (receiver.inMemory > 0 || idleMs < (receiver.breaker.isPlain && !receiver.slow ? windowMs : FORGET_MS)) continue;
      this.#receivers.delete(urlKey);
      if (receiver.told !== 'closed') this.#deps.metrics.breakers.dec({ state: receiver.told });
    }
  }

  /** No further POST begins; what waits is handed back. */
  close(): void {
    this.#closed = true;
    this.#alarm.stop();
    for (const receiver of this.#receivers.values()) this.#handBack(receiver);
  }

  #roomOf(receiver: Receiver, tenant: string): number {
    return Math.max(0, Math.min(this.#mostOf(receiver) - receiver.inMemory, this.#memory.room(tenant, receiver.slow)));
  }

  /** One that is slow needs nothing waiting behind what is under way, nor does a probe. */
  #mostOf(receiver: Receiver): number {
    const { breaker, slow, usualMs = AHEAD_MS } = receiver;
    const slots = breaker.slots(this.#deps.clock.monotonicMs());
    if (slow || breaker.state !== 'closed') return slots;
    if (this.#throttled.has(receiver)) return slots * LEAST_AHEAD;
    return slots * Math.max(LEAST_AHEAD, Math.min(MOST_AHEAD, Math.round(AHEAD_MS / usualMs)));
  }

  #dispatch(receiver: Receiver): void {
    const nowMs = this.#deps.clock.monotonicMs();
    if (this.#closed || receiver.breaker.slots(nowMs) === 0) return this.#handBack(receiver);
    while (receiver.inHand < receiver.breaker.slots(nowMs)) {
      const entry = this.#next(receiver, nowMs);
      if (entry === undefined) return;
      receiver.inHand += 1;
      this.#slots.run({ tenant: entry.delivery.domainId, slow: receiver.slow, post: () => this.#post(receiver, entry), onSlow: (startedMs) => this.#suspect(receiver, startedMs) });
    }
  }

  /** The first that its subscription's rate allows. No two that wait are of one lane, so its order does not suffer. */
  #next(receiver: Receiver, nowMs: number): Entry | undefined {
    for (const [index, entry] of receiver.waiting.entries()) {
      const perSecond = this.#deps.rateOf(entry.delivery);
      const waitMs = perSecond === null ? 0 : this.#rate.take(entry.delivery.subscriptionId, perSecond, nowMs);
      if (waitMs === 0) return receiver.waiting.splice(index, 1)[0];
      this.#throttled.add(receiver);
      this.#alarm.set(nowMs + waitMs);
    }
    return undefined;
  }

  #resume(): void {
    const throttled = [...this.#throttled];
    this.#throttled.clear();
    for (const receiver of throttled) this.#dispatch(receiver);
  }

  /** The URL may have been given up while this one waited for its slot, or have turned slow: then what is under way is enough. */
  async #post(receiver: Receiver, { post }: Entry): Promise<void> {
    const { clock } = this.#deps;
    const startedMs = clock.monotonicMs();
    const isBarred = this.#closed || receiver.underWay >= receiver.breaker.slots(startedMs);
    const permit = isBarred ? 'barred' : receiver.breaker.begin(startedMs);
    this.#tell(receiver);
    if (permit !== 'barred') receiver.underWay += 1;
    const verdict = await post(permit !== 'barred');
    if (permit !== 'barred') receiver.underWay -= 1;
    if (verdict.record !== undefined) this.#count(1);
    receiver.inHand -= 1;
    const isProbe = permit === 'probe';
    if (verdict.health !== undefined) this.#learn(receiver, verdict.health, { isProbe, tookMs: clock.monotonicMs() - startedMs });
    else if (isProbe) receiver.breaker.unused();
    this.#tell(receiver);
    this.#dispatch(receiver);
  }

  /** After a kill all that is not recorded is sent again, so there must not be much of it. */
  #count(unrecorded: 1 | -1): void {
    this.#unrecorded += unrecorded;
    this.#slots.setPaused(this.#unrecorded >= this.mostUnrecorded);
  }

  #learn(receiver: Receiver, health: Health, { isProbe, tookMs }: { isProbe: boolean; tookMs: number }): void {
    const { clock, random } = this.#deps;
    const slow = tookMs >= this.#options.slowMs;
    receiver.prompt = slow ? 0 : receiver.prompt + 1;
    const { usualMs = tookMs } = receiver;
    receiver.usualMs = usualMs + (tookMs - usualMs) * LATEST_COUNTS;
    if (!slow) receiver.promptAtMs = clock.monotonicMs();
    if (receiver.slow && receiver.prompt >= PROMPT_AGAIN) this.#setSlow(receiver, false);
    if (health.kind === 'well') return receiver.breaker.succeeded(clock.monotonicMs());
    receiver.lastFailure = health.reason;
    receiver.breaker.failed(clock.monotonicMs(), { probe: isProbe, slow, askedMs: health.askedMs, chance: random() });
  }

  /** One slow POST among others that end in time says nothing about the receiver. */
  #suspect(receiver: Receiver, startedMs: number): void {
    if (receiver.slow || receiver.promptAtMs > startedMs) return;
    receiver.prompt = 0;
    this.#setSlow(receiver, true);
    receiver.breaker.narrow();
    this.#handBack(receiver);
  }

  #setSlow(receiver: Receiver, slow: boolean): void {
    receiver.slow = slow;
    for (const [tenant, count] of receiver.tenants) this.#memory.move(tenant, count, slow);
  }

  /** What waits here for the URL would keep others out of memory. */
  #handBack(receiver: Receiver): void {
    for (const { post } of receiver.waiting.splice(0)) void post(false);
  }

  #tell(receiver: Receiver): void {
    const { breaker, told, lastFailure, host } = receiver;
    if (breaker.state === told) return;
    const { metrics, log } = this.#deps;
    receiver.told = breaker.state;
    if (told !== 'closed') metrics.breakers.dec({ state: told });
    if (breaker.state !== 'closed') metrics.breakers.inc({ state: breaker.state });
    if (told === 'closed') log.warn('a receiver fails and is left alone', { host, failures: breaker.failures, reason: lastFailure ?? '' });
    if (breaker.state === 'closed') log.info('a receiver is back', { host });
  }
}

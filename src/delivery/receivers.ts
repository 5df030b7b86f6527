import PQueue from 'p-queue';
import type { AttemptRecord, Outcome } from '../webhook/outcome.js';

/**
 * What became of a delivery in hand; `released` was not sent and goes back to the outbox, nor was `expired`, which stays there, nor
 * `held`, which waits there until its subscription is enabled. `record` is there where an attempt was made.
 */
export type Verdict = (Outcome | { kind: 'released' } | { kind: 'held' }) & { readonly record?: AttemptRecord };

export interface SlotOptions {
  /** POSTs at once. */
  concurrency: number;
  /** POSTs at once to one URL. */
  perUrl: number;
  /** Deliveries in memory; what is beyond waits in Postgres. */
  capacity: number;
}

interface Receiver { slots: PQueue; inMemory: number; failing: boolean }

/**
 * The slots for POSTs, and each URL's share of them and of the memory. A URL that cannot even be reached gets one slot until
 * it answers again: many dead ones must not fill all slots with waiting for them.
 */
export class Receivers {
  readonly #options: SlotOptions;
  readonly #slots: PQueue;
  readonly #receivers = new Map<string, Receiver>();
  #inMemory = 0;

  constructor(options: SlotOptions) {
    this.#options = options;
    this.#slots = new PQueue({ concurrency: options.concurrency });
  }

  /** A delivery to this URL came into memory. */
  enter(urlKey: string): void {
    let receiver = this.#receivers.get(urlKey);
    if (receiver === undefined) {
      receiver = { slots: new PQueue({ concurrency: this.#options.perUrl }), inMemory: 0, failing: false };
      this.#receivers.set(urlKey, receiver);
    }
    receiver.inMemory += 1;
    this.#inMemory += 1;
  }

  /** A delivery to this URL left memory. A URL that fails is remembered, else each retry would give it all its slots again. */
  leave(urlKey: string): void {
    const receiver = this.#receivers.get(urlKey)!;
    receiver.inMemory -= 1;
    this.#inMemory -= 1;
    if (receiver.inMemory === 0 && !receiver.failing) this.#receivers.delete(urlKey);
  }

  /** Runs `post` when both the URL and the whole have a slot; the URL must be in memory. `post` never rejects. */
  run(urlKey: string, post: () => Promise<Verdict>): void {
    const receiver = this.#receivers.get(urlKey)!;
    void receiver.slots.add(() => this.#slots.add(async () => this.#learn(receiver, await post())));
  }

  /** How many more deliveries to this URL may be in memory: enough to keep its slots busy and no more. */
  room(urlKey: string): number {
    const receiver = this.#receivers.get(urlKey);
    const most = 2 * (receiver?.slots.concurrency ?? this.#options.perUrl);
    return Math.max(0, Math.min(most - (receiver?.inMemory ?? 0), this.totalRoom()));
  }

  totalRoom(): number { return this.#options.capacity - this.#inMemory; }

  /** Whether half of the URL's share is free, so that one claim brings several. */
  isHungry(urlKey: string): boolean {
    const receiver = this.#receivers.get(urlKey);
    return receiver === undefined || receiver.inMemory <= receiver.slots.concurrency;
  }

  #learn(receiver: Receiver, verdict: Verdict): void {
    if (verdict.kind === 'released' || verdict.kind === 'held' || verdict.kind === 'expired') return;
    const failing = verdict.status === undefined && (verdict.kind === 'retry' || receiver.failing);
    if (failing === receiver.failing) return;
    receiver.failing = failing;
    receiver.slots.concurrency = failing ? 1 : this.#options.perUrl;
  }
}

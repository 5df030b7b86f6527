import type { Delivery } from '../db/outbox.js';
import type { Receivers, Verdict } from './receivers.js';

export interface LanesDeps {
  receivers: Receivers;
  /** Makes the one attempt; never rejects. */
  attempt: (delivery: Delivery) => Promise<Verdict>;
  /** Told of each verdict, in the order of each lane. `settled` is to be called once it is recorded. */
  onVerdict: (delivery: Delivery, verdict: Verdict) => void;
}

/**
 * The deliveries of one lane that are leased to us. It lives until all of them are settled, so that what this process leases
 * behind its own rows always finds them here. `blocked`: the lane must not go on; what waits in it has to be released.
 */
interface Lane { readonly key: string; readonly waiting: Delivery[]; inHand: boolean; unsettled: number; blocked: boolean }

/** Everything leased to this process: each lane in order, one POST at a time; lanes side by side as far as there are slots. */
export class Lanes {
  readonly #deps: LanesDeps;
  readonly #lanes = new Map<string, Lane>();
  readonly #blocked = new Set<Lane>();
  /** By lease, not by id: a row that was taken from us may come to us again while we still hold its first attempt. */
  readonly #held = new Set<Delivery>();
  #closed = false;

  constructor(deps: LanesDeps) { this.#deps = deps; }

  /** Takes a delivery that is leased to us; it starts when those before it in its lane are through. */
  join(delivery: Delivery): void {
    const lane = this.#enter(delivery);
    if (this.#closed) this.#block(lane);
    this.#advance(lane);
  }

  /** Takes a delivery whose lease must not be used. It is released, and all that comes to its lane meanwhile. */
  joinBarred(delivery: Delivery): void {
    this.#block(this.#enter(delivery));
  }

  /** Takes out what waits in blocked lanes, to be released; each of these is in memory until `settled`, too. */
  takeBlocked(): Delivery[] {
    const taken: Delivery[] = [];
    for (const lane of this.#blocked) {
      lane.unsettled += lane.waiting.length;
      taken.push(...lane.waiting.splice(0));
    }
    return taken;
  }

  hasBlocked(): boolean {
    for (const lane of this.#blocked) if (lane.waiting.length > 0) return true;
    return false;
  }

  /** The verdict is recorded. If the lease was lost, somebody else is at this place of the lane, and we must not go on. */
  settled(delivery: Delivery, { record }: Verdict, held: boolean): void {
    const lane = this.#lanes.get(keyOf(delivery))!;
    lane.unsettled -= 1;
    this.#held.delete(delivery);
    if (!held) this.#block(lane);
    this.#advance(lane);
    this.#deps.receivers.leave(delivery, record !== undefined);
  }

  /** All that is in memory, which is all that this process believes to hold. */
  ids(): string[] { return Array.from(this.#held, ({ id }) => id); }

  isEmpty(): boolean { return this.#held.size === 0; }

  /** No further POST begins; what waits is released. */
  close(): void {
    this.#closed = true;
    for (const lane of this.#lanes.values()) this.#block(lane);
    this.#deps.receivers.close();
  }

  #enter(delivery: Delivery): Lane {
    const key = keyOf(delivery);
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = { key, waiting: [], inHand: false, unsettled: 0, blocked: false };
      this.#lanes.set(key, lane);
    }
    lane.waiting.push(delivery);
    this.#held.add(delivery);
    this.#deps.receivers.enter(delivery);
    return lane;
  }

  #block(lane: Lane): void {
    lane.blocked = true;
    this.#blocked.add(lane);
  }

  #advance(lane: Lane): void {
    if (lane.inHand) return;
    const next = lane.blocked ? undefined : lane.waiting.shift();
    if (next !== undefined) {
      lane.inHand = true;
      lane.unsettled += 1;
      this.#deps.receivers.run(next, (go) => this.#take(lane, next, go));
    } else if (lane.unsettled === 0 && lane.waiting.length === 0) {
      this.#lanes.delete(lane.key);
      this.#blocked.delete(lane);
    }
  }

  /** The lane may have been blocked while this one waited for its slot, or its receiver may be left alone. */
  async #take(lane: Lane, delivery: Delivery, go: boolean): Promise<Verdict> {
    const verdict: Verdict = lane.blocked || !go ? { kind: 'released' } : await this.#deps.attempt(delivery);
    lane.inHand = false;
    if (verdict.kind === 'retry' || verdict.kind === 'released') this.#block(lane);
    this.#deps.onVerdict(delivery, verdict);
    this.#advance(lane);
    return verdict;
  }
}

/** One that has outstayed its hold is retried beside its lane, not in it. */
function keyOf({ alone, id, lane }: Delivery): string {
  return alone ? id : lane;
}

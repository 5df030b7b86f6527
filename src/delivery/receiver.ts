import type { Delivery } from '../db/outbox.js';
import type { Breaker, BreakerState } from './breaker.js';
import type { ReceiverHealth } from './health.js';
import type { Verdict } from './receivers.js';

/** Makes one POST, or, where it may not `go`, hands the delivery back unsent. Never rejects. */
export type Post = (go: boolean) => Promise<Verdict>;

/** A delivery that waits to be posted. */
export interface Entry { readonly delivery: Delivery; readonly post: Post }

/** What is known of one URL. */
export interface Receiver {
  readonly urlKey: string;
  /** For the log; the rest of the URL may be secret. */
  readonly host: string;
  readonly breaker: Breaker;
  /** Whose deliveries were the last ones. */
  tenant: string;
  readonly waiting: Entry[];
  inMemory: number;
  /** Of whom, and how many of each. */
  readonly tenants: Map<string, number>;
  /** POSTs under way, and those that wait for a slot. */
  inHand: number;
  underWay: number;
  slow: boolean;
  /** POSTs in a row that did not take long. */
  prompt: number;
  /** When the last one of these ended. */
  promptAtMs: number;
  /** How long POSTs have been taking; undefined before the first. */
  usualMs?: number;
  lastFailure: string | null;
  /** The breaker's state as it was told last. */
  told: BreakerState;
  usedAtMs: number;
}

/** A URL of which nothing is known yet. */
export function newReceiver({ urlKey, url, domainId }: Delivery, breaker: Breaker): Receiver {
  return {
    urlKey, host: URL.canParse(url) ? new URL(url).host : '', breaker, tenant: domainId, waiting: [], inMemory: 0, tenants: new Map(), inHand: 0, underWay: 0,
    slow: false, prompt: 0, promptAtMs: -Infinity, lastFailure: null, told: 'closed', usedAtMs: 0,
  };
}

/** How it does, for whoever asks. */
export function healthIn({ urlKey, breaker, slow, inHand, lastFailure }: Receiver, nowMs: number): ReceiverHealth {
  const { state, failures, probeAtMs } = breaker;
  const nextProbeMs = probeAtMs === undefined ? null : Math.max(0, Math.round(probeAtMs - nowMs));
  return { urlKey, state, slow, failures, inFlight: inHand, slots: breaker.slots(nowMs), nextProbeMs, lastFailure };
}

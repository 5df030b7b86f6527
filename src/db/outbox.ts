import type { Synthetic } from '../calls/notice.js';

/**
 * The outbox: notices that were promised to subscriptions, and how far each has come. Four verbs move a delivery between
 * states: append and claim (both give leases), settle, and release, which is an outcome of settle so that it goes in one statement
 * with the failure that is its cause. Leases whose holder is gone come back through outbox-daemon.ts, what waits for too long
 * is ended by outbox-expire.ts, and what had ended or was held is sent on request through outbox-replay.ts. Nobody else does.
 *
 * It is kept by the day on which a flow began, UTC: a lane lies within one day, and so do all statements about one.
 */

/** What marks a delivery as other than told by the switch: concluded, as in `Notice`, or a tenant's test call. */
export type Mark = Synthetic | 'test';

/** A notice to be promised to one subscription. */
export interface NewDelivery {
  /** `deliveryId`: the same whoever makes it. */
  readonly id: string;
  /** `laneKey` of URL and flow. */
  readonly lane: string;
  /** `urlKey` of the URL. */
  readonly urlKey: string;
  readonly url: string;
  readonly subscriptionId: string;
  readonly domainId: string;
  readonly event: string;
  readonly flowId: string;
  /** The day on which the flow began, UTC, `YYYY-MM-DD`: the same for all deliveries of the flow, whoever makes them. */
  readonly flowDay: string;
  readonly callId: string;
  /** For whoever looks for a call; '' where not known. */
  readonly fromNumber: string;
  readonly toNumber: string;
  /** Counts the notices of the flow from 1, as far as whoever makes it knows. */
  readonly position: number;
  /** JSON, sent as it is. */
  readonly body: string;
  readonly occurredAt: Date;
  /** When the event that released it was read, on `Clock.monotonicMs`; absent where an earlier process read it. */
  readonly receivedAtMs?: number;
  readonly synthetic?: Mark;
  /** Its subscription is disabled: it is kept, and neither sent nor in anybody's way, until that changes or its time is over. */
  readonly held?: true;
}

/** What is kept of a flow between two events; committed together with the deliveries of the event that made it so. */
export interface FlowRecord {
  readonly switchName: string;
  readonly flowId: string;
  /** Core-UUID of the switch's run. */
  readonly coreId: string;
  /** Of the flow's last notice. */
  readonly position: number;
  /** JSON that nobody here reads; null once the flow has ended, and then nothing is kept. */
  readonly state: string | null;
}

/** A delivery leased to this process: its next attempt is ours to make, and nobody else's. */
export interface Delivery {
  readonly id: string;
  /** `NewDelivery.flowDay`. */
  readonly day: string;
  readonly lane: string;
  readonly urlKey: string;
  readonly url: string;
  readonly subscriptionId: string;
  readonly domainId: string;
  readonly event: string;
  readonly flowId: string;
  /** Counts from 1 within its lane, without gaps. */
  readonly sequence: number;
  readonly body: string;
  /** The attempt to make, counted from 1. */
  readonly attempt: number;
  /** Of them, those before it was replayed: the waits begin anew. */
  readonly attemptsBefore: number;
  /** It has held its lane for as long as it may; the lane goes on and this one is retried by itself. */
  readonly alone: boolean;
  /** As in `NewDelivery`; null where the switch told it. */
  readonly synthetic: Mark | null;
  /** It had ended, and is sent once more on request. */
  readonly replayed: boolean;
  /** Past it the delivery is not sent any more, on `Clock.monotonicMs`; null: never. */
  readonly expiresAtMs: number | null;
  /** As in `NewDelivery`; only where this process appended it and leased it at once. */
  readonly receivedAtMs?: number;
}

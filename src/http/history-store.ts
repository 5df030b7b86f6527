import { findCall, findDelivery, type DetailedDelivery } from '../db/delivery-detail.js';
import { listDeliveries, type DeliveryFilter, type ListedDelivery } from '../db/delivery-list.js';
import { retryDelivery } from '../db/outbox-replay.js';
import type { NewDelivery } from '../db/outbox.js';
import { codeOf, type Pool } from '../db/pool.js';
import { countWaitingFor, listReceivers, type StoredReceiver } from '../db/receiver-list.js';
import { createReader } from '../db/reader.js';
import { addReplay, findReplay, type ReplaySelection, type StoredReplay } from '../db/replays.js';
import type { Place } from '../db/subscription-change.js';
import { addTestCall } from '../db/test-calls.js';
import { asked, StoreAway, StoreSlow } from './store.js';

/**
 * What the API asks of the outbox and its history; null for a domain means everybody's, for admins. Each method rejects with
 * `StoreAway` when there is no answer to be had, and with `StoreSlow` where that would take too long.
 */
export interface HistoryStore {
  /** Newest first, after a place in that order. */
  listDeliveries(domainId: string | null, filter: DeliveryFilter, limit: number, after?: Place): Promise<ListedDelivery[]>;
  findDelivery(domainId: string | null, id: string): Promise<DetailedDelivery | undefined>;
  /** Empty where no delivery is about it. */
  findCall(domainId: string | null, id: string): Promise<Omit<DetailedDelivery, 'body'>[]>;
  retryDelivery(domainId: string, id: string): ReturnType<typeof retryDelivery>;
  /** False while the one before is not over. */
  addTestCall(subscriptionId: string, deliveries: readonly NewDelivery[]): Promise<boolean>;
  /** Where one is running already it is that one, and `created` false. */
  addReplay(selection: Omit<ReplaySelection, 'to'> & { to: Date | null }): Promise<{ id: string; created: boolean }>;
  findReplay(domainId: string | null, id: string): Promise<StoredReplay | undefined>;
  /** By tenant and URL, after a place in that order. */
  listReceivers(limit: number, of: { failing: boolean; after?: { domainId: string; url: string } }): Promise<StoredReceiver[]>;
  /** How many deliveries wait for each of these, counted up to `most`. */
  countWaitingFor(receivers: readonly { domainId: string; urlKey: string }[], most: number): Promise<number[]>;
}

/** Shorter than a request may last, and long enough to read through a history of some hundred thousand. */
const LOOK_MS = 5_000;

/** The store over Postgres, which may look for what a tenant asks for as long as `lookMs`. */
export function createHistoryStore(pool: Pool, { lookMs = LOOK_MS } = {}): HistoryStore {
  const read = createReader(pool, { lookMs });
  return {
    listDeliveries: (domainId, filter, limit, after) => inTime(listDeliveries(read, domainId, filter, limit, after)),
    findDelivery: (domainId, id) => inTime(findDelivery(read, domainId, id)),
    findCall: (domainId, id) => inTime(findCall(read, domainId, id)),
    retryDelivery: (domainId, id) => asked(retryDelivery(pool, domainId, id)),
    addTestCall: (subscriptionId, deliveries) => asked(addTestCall(pool, subscriptionId, deliveries)),
    addReplay: (selection) => asked(addReplay(pool, selection)),
    findReplay: (domainId, id) => asked(findReplay(pool, domainId, id)),
    listReceivers: (limit, of) => asked(listReceivers(pool, limit, of)),
    countWaitingFor: (receivers, most) => asked(countWaitingFor(pool, receivers, most)),
  };
}

/** Also what the server cancels because it is stopped: the client may try again in either case. */
const QUERY_CANCELED = '57014';

function inTime<T>(answer: Promise<T>): Promise<T> {
  return asked(answer).catch((error: unknown) => {
    throw error instanceof StoreAway && codeOf(error) === QUERY_CANCELED ? new StoreSlow('The database took too long', { cause: error }) : error;
  });
}

import type { Queryable } from '../db/pool.js';
import type { ReceiverName } from '../db/receivers.js';
import { createSealedSubscriptions, type Changed, type OpenSubscription, type Secret, type SealedSubscriptions, type SubscriptionChange } from '../db/sealed-subscriptions.js';
import { sourceOfSubscription, sourceOfWish } from '../db/sources.js';
import { countHeld, type Place } from '../db/subscription-change.js';
import { deleteSubscription } from '../db/subscriptions.js';
import { findDomain, findDomainById, type Source } from '../db/tenants.js';
import { findToken, touchToken, type FoundToken } from '../db/tokens.js';
import type { Vault } from '../seal.js';
import type { Domain } from '../subscriptions/directory.js';

/** The database cannot be asked: it is away, starting, full, failing over or slow. The client may try again. */
export class StoreAway extends Error {}

/** The database was asked for too much, and cancelled it. */
export class StoreSlow extends StoreAway {}

/** What the API asks of the database. Each method rejects with `StoreAway` when there is no answer to be had. */
export interface ApiStore {
  findToken(sha256: Buffer): Promise<FoundToken>;
  touchToken(id: string): Promise<void>;
  findDomain(name: string): Promise<Domain | undefined>;
  findDomainById(id: string): Promise<Domain | undefined>;
  /** Oldest first. */
  listSubscriptions(domainId: string): Promise<OpenSubscription[]>;
  /** Of all domains, oldest first. */
  listAllSubscriptions(): Promise<OpenSubscription[]>;
  /** Whosever it is. */
  findSubscription(id: string): Promise<OpenSubscription | undefined>;
  /** A domain's; with null for the domain, whosever it is. */
  findSubscriptionOf(domainId: string | null, id: string): Promise<OpenSubscription | undefined>;
  /** A domain's, or with null everybody's, oldest first, after a place in that order. */
  subscriptionPage(domainId: string | null, limit: number, after?: Place): Promise<(OpenSubscription & Place)[]>;
  changeSubscription(domainId: string, id: string, change: SubscriptionChange): Promise<Changed>;
  /** How many deliveries a disabled subscription has waiting, counted up to `limit`. */
  countHeld(domainId: string, id: string, limit: number): Promise<number>;
  /** Undefined where the domain is gone. */
  upsertSubscription(domainId: string, event: string, url: string, apiKey: string): Promise<{ id: string; secret: Secret } | undefined>;
  /** Where a tenant's subscription goes; with null for the tenant, whosever it is. */
  receiverOf(domainId: string | null, id: string): Promise<ReceiverName | undefined>;
  /** What webhooks to a tenant's URL are signed with. Undefined where the domain is gone. */
  secretOf(receiver: ReceiverName): Promise<Secret | undefined>;
  /** Another secret; the one before signs too for `overlapSeconds`. Undefined where the domain is gone. */
  rotateSecret(receiver: ReceiverName, overlapSeconds: number): Promise<Secret | undefined>;
  /** Where a domain's subscription is looked after; undefined where it has none of this id, or none to this event at this URL. */
  sourceOfSubscription(domainId: string, id: string): Promise<Source | undefined>;
  sourceOfWish(domainId: string, event: string, url: string): Promise<Source | undefined>;
  /** False where the domain has none of this id. */
  deleteSubscription(domainId: string, id: string): Promise<boolean>;
}

const PAGE = 5_000;

/** The store over Postgres, and the vault that its secrets are sealed with. */
export function createApiStore(db: Queryable, vault: Vault): ApiStore {
  const subscriptions = createSealedSubscriptions(db, vault);
  return {
    findToken: (sha256) => asked(findToken(db, sha256)),
    touchToken: (id) => asked(touchToken(db, id)),
    findDomain: (name) => asked(findDomain(db, name)),
    findDomainById: (id) => asked(findDomainById(db, id)),
    listSubscriptions: (domainId) => asked(subscriptions.list(domainId)),
    listAllSubscriptions: () => asked(listAll(subscriptions)),
    findSubscription: (id) => asked(subscriptions.find(id)),
    findSubscriptionOf: (domainId, id) => asked(subscriptions.findOf(domainId, id)),
    subscriptionPage: (domainId, limit, after) => asked(subscriptions.page(domainId, limit, after)),
    changeSubscription: (domainId, id, change) => asked(subscriptions.change(domainId, id, change)),
    countHeld: (domainId, id, limit) => asked(countHeld(db, domainId, id, limit)),
    upsertSubscription: (domainId, event, url, apiKey) => asked(subscriptions.upsert(domainId, event, url, apiKey)),
    receiverOf: (domainId, id) => asked(subscriptions.receiverOf(domainId, id)),
    secretOf: (receiver) => asked(subscriptions.secretOf(receiver)),
    rotateSecret: (receiver, overlapSeconds) => asked(subscriptions.rotate(receiver, overlapSeconds)),
    sourceOfSubscription: (domainId, id) => asked(sourceOfSubscription(db, domainId, id)),
    sourceOfWish: (domainId, event, url) => asked(sourceOfWish(db, domainId, event, url)),
    deleteSubscription: (domainId, id) => asked(deleteSubscription(db, domainId, id)),
  };
}

async function listAll(subscriptions: SealedSubscriptions): Promise<OpenSubscription[]> {
  const all: OpenSubscription[] = [];
  for (let page: OpenSubscription[], after: string | undefined; ; after = page.at(-1)?.id) {
    page = await subscriptions.listAll(PAGE, after);
    all.push(...page);
    if (page.length < PAGE) return all.sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : 1));
  }
}

/**
 * Classes of SQLSTATE that speak of the server and not of a statement of ours (PostgreSQL, appendix A): connection, authorization,
 * read-only, no such database, rollback, resources, not in the right state, intervention (shutdown, timeout), system.
 */
const AWAY = new Set(['08', '25', '28', '3D', '40', '53', '55', '57', '58']);

/** The answer, or `StoreAway` where the database could not be asked. An error without an SQLSTATE comes from the connection: pg's own have no code at all. */
export async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (isDefect(error)) throw error;
    throw new StoreAway('The database did not answer', { cause: error });
  }
}

function isDefect(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError) return true;
  const state = /^([0-9A-Z]{2})[0-9A-Z]{3}$/.exec((error as NodeJS.ErrnoException).code ?? '')?.[1];
  return state !== undefined && !AWAY.has(state);
}

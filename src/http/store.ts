import type { Queryable } from '../db/pool.js';
import { deleteSubscription, findSubscription, listAllSubscriptions, listSubscriptions, upsertSubscription, type StoredSubscription } from '../db/subscriptions.js';
import { sourceOfSubscription, sourceOfWish } from '../db/sources.js';
import { findDomain, findDomainById, type Source } from '../db/tenants.js';
import { findToken, touchToken, type FoundToken } from '../db/tokens.js';
import type { Domain } from '../subscriptions/directory.js';

/** The database cannot be asked: it is away, starting, full, failing over or slow. The client may try again. */
export class StoreAway extends Error {}

/** What the API asks of the database. Each method rejects with `StoreAway` when there is no answer to be had. */
export interface ApiStore {
  findToken(sha256: Buffer): Promise<FoundToken>;
  touchToken(id: string): Promise<void>;
  findDomain(name: string): Promise<Domain | undefined>;
  findDomainById(id: string): Promise<Domain | undefined>;
  /** Oldest first. */
  listSubscriptions(domainId: string): Promise<StoredSubscription[]>;
  /** Of all domains, oldest first. */
  listAllSubscriptions(): Promise<StoredSubscription[]>;
  /** Whosever it is. */
  findSubscription(id: string): Promise<StoredSubscription | undefined>;
  /** Undefined where the domain is gone. */
  upsertSubscription(domainId: string, event: string, url: string, apiKey: string): Promise<{ id: string } | undefined>;
  /** Where a domain's subscription is looked after; undefined where it has none of this id, or none to this event at this URL. */
  sourceOfSubscription(domainId: string, id: string): Promise<Source | undefined>;
  sourceOfWish(domainId: string, event: string, url: string): Promise<Source | undefined>;
  /** False where the domain has none of this id. */
  deleteSubscription(domainId: string, id: string): Promise<boolean>;
}

const PAGE = 5_000;

/** The store over Postgres. */
export function createApiStore(db: Queryable): ApiStore {
  return {
    findToken: (sha256) => asked(findToken(db, sha256)),
    touchToken: (id) => asked(touchToken(db, id)),
    findDomain: (name) => asked(findDomain(db, name)),
    findDomainById: (id) => asked(findDomainById(db, id)),
    listSubscriptions: (domainId) => asked(listSubscriptions(db, domainId)),
    listAllSubscriptions: () => asked(listAll(db)),
    findSubscription: (id) => asked(findSubscription(db, id)),
    upsertSubscription: (domainId, event, url, apiKey) => asked(upsertSubscription(db, domainId, event, url, apiKey)),
    sourceOfSubscription: (domainId, id) => asked(sourceOfSubscription(db, domainId, id)),
    sourceOfWish: (domainId, event, url) => asked(sourceOfWish(db, domainId, event, url)),
    deleteSubscription: (domainId, id) => asked(deleteSubscription(db, domainId, id)),
  };
}

async function listAll(db: Queryable): Promise<StoredSubscription[]> {
  const all: StoredSubscription[] = [];
  for (let page: StoredSubscription[], after: string | undefined; ; after = page.at(-1)?.id) {
    page = await listAllSubscriptions(db, PAGE, after);
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

import { codeOf, type Queryable } from '../db/pool.js';
import { addDomain, changeDomain, deleteDomain, findDomainById, listDomainPage, type DeletedDomain, type StoredDomain } from '../db/tenants.js';
import { findTokenById, insertToken, listTokenPage, revokeToken, type ListedToken, type NewToken, type StoredToken } from '../db/tokens.js';
import { asked } from './store.js';

/** What the admin's part of the API asks of the database. Each method rejects with `StoreAway` when there is no answer to be had. */
export interface AdminStore {
  listDomains(limit: number, afterName?: string): Promise<StoredDomain[]>;
  findDomainById(id: string): Promise<StoredDomain | undefined>;
  addDomain(name: string, enabled: boolean): Promise<{ domain: StoredDomain; created: boolean }>;
  changeDomain(id: string, change: { name?: string; enabled?: boolean }): Promise<StoredDomain | 'taken' | 'absent'>;
  deleteDomain(id: string): Promise<DeletedDomain | undefined>;
  listTokens(limit: number, of: { domainId?: string; after?: { createdMicros: number; id: string } }): Promise<ListedToken[]>;
  /** Undefined where its tenant is gone. */
  addToken(token: NewToken): Promise<StoredToken | undefined>;
  /** False where there is none of this id. */
  revokeToken(id: string): Promise<boolean>;
}

/** The store over Postgres. */
export function createAdminStore(db: Queryable): AdminStore {
  return {
    listDomains: (limit, afterName) => asked(listDomainPage(db, limit, afterName)),
    findDomainById: (id) => asked(findDomainById(db, id)),
    addDomain: (name, enabled) => asked(addDomain(db, name, enabled)),
    changeDomain: (id, change) => asked(changeDomain(db, id, change)),
    deleteDomain: (id) => asked(deleteDomain(db, id)),
    listTokens: (limit, of) => asked(listTokenPage(db, limit, of)),
    addToken: (token) => asked(addToken(db, token)),
    revokeToken: (id) => asked(revokeToken(db, id)),
  };
}

const FOREIGN_KEY_VIOLATION = '23503';

async function addToken(db: Queryable, token: NewToken): Promise<StoredToken | undefined> {
  try {
    return await findTokenById(db, await insertToken(db, token));
  } catch (error) {
    if (codeOf(error) === FOREIGN_KEY_VIOLATION) return undefined;
    throw error;
  }
}

import type { Domain } from '../subscriptions/directory.js';
import type { Queryable } from './pool.js';

/** A tenant as stored. */
export interface StoredDomain extends Domain { readonly createdAt: Date; readonly updatedAt: Date }

const COLUMNS = 'domain_uuid as id, domain_name as name, enabled, created_at as "createdAt", updated_at as "updatedAt"';

/** Whether `addDomain` takes it: 1 to 253 characters, without blanks, control characters and slashes. */
export function isDomainName(name: string): boolean {
  return /^[^\s/\p{Cc}]{1,253}$/u.test(name);
}

/** Adds a tenant, enabled, or returns the one there is. Of two that add the same name at once one creates it, and both get its row. */
export async function addDomain(db: Queryable, name: string): Promise<{ domain: StoredDomain; created: boolean }> {
  // The update changes nothing: it makes the row that is there come back. A row that was just inserted has no xmax.
  const { rows } = await db.query<StoredDomain & { created: boolean }>(
    `insert into domain (domain_name) values ($1)
     on conflict (domain_name) do update set domain_name = excluded.domain_name
     returning ${COLUMNS}, xmax = 0 as created`,
    [name.toLowerCase()],
  );
  const { created, ...domain } = rows[0]!;
  return { domain, created };
}

/** The tenant of this name in any case, disabled or not. */
export async function findDomain(db: Queryable, name: string): Promise<StoredDomain | undefined> {
  const { rows } = await db.query<StoredDomain>(`select ${COLUMNS} from domain where domain_name = $1`, [name.toLowerCase()]);
  return rows[0];
}

/** All tenants by name. */
export async function listDomains(db: Queryable): Promise<StoredDomain[]> {
  const { rows } = await db.query<StoredDomain>(`select ${COLUMNS} from domain order by domain_name`);
  return rows;
}

import type { Domain } from '../subscriptions/directory.js';
import { codeOf, type Queryable } from './pool.js';
import { isUuid } from './uuid.js';

/** Where a row is looked after: here, or in the FusionPBX that it is kept equal to. */
export type Source = 'local' | 'fusionpbx';

/** A tenant as stored. */
export interface StoredDomain extends Domain { readonly source: Source; readonly createdAt: Date; readonly updatedAt: Date }

/** What went with a tenant. */
export interface DeletedDomain { name: string; subscriptions: number; tokens: number; waiting: number }

const COLUMNS = 'domain_uuid as id, domain_name as name, enabled, source, created_at as "createdAt", updated_at as "updatedAt"';
const UNIQUE_VIOLATION = '23505';

/** Whether `addDomain` takes it: 1 to 253 characters, without blanks, control characters and slashes. */
export function isDomainName(name: string): boolean {
  return /^[^\s/\p{Cc}]{1,253}$/u.test(name);
}

/** Whether it can be a tenant on a switch: a name or an address. "*", a URL or an e-mail address are mistakes that would only show when no call ever matches. */
export function looksLikeDomain(name: string): boolean {
  return isDomainName(name) && /^[\p{L}\p{N}_]([\p{L}\p{N}._-]*[\p{L}\p{N}])?$/u.test(name) && !name.includes('..');
}

/** Adds a tenant, enabled unless told, or returns the one there is as it is. Of two that add the same name at once one creates it, and both get its row. */
export async function addDomain(db: Queryable, name: string, enabled = true): Promise<{ domain: StoredDomain; created: boolean }> {
  // The update changes nothing: it makes the row that is there come back. A row that was just inserted has no xmax.
  const { rows } = await db.query<StoredDomain & { created: boolean }>(
    `insert into domain (domain_name, enabled) values ($1, $2)
     on conflict (domain_name) do update set domain_name = excluded.domain_name
     returning ${COLUMNS}, xmax = 0 as created`,
    [name.toLowerCase(), enabled],
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

/** The tenant of this uuid, disabled or not. */
export async function findDomainById(db: Queryable, id: string): Promise<StoredDomain | undefined> {
  if (!isUuid(id)) return undefined;
  const { rows } = await db.query<StoredDomain>(`select ${COLUMNS} from domain where domain_uuid = $1`, [id]);
  return rows[0];
}

/** Tenants by name, up to `limit`, after the name that ended the page before: one that is there all the while comes exactly once. */
export async function listDomainPage(db: Queryable, limit: number, afterName?: string): Promise<StoredDomain[]> {
  const { rows } = await db.query<StoredDomain>(
    `select ${COLUMNS} from domain where $2::text is null or domain_name > $2 order by domain_name limit $1`, [limit, afterName ?? null]);
  return rows;
}

/**
 * Renames a tenant, enables or disables it; what is not given stays. Of two at once that want one name, one gets it and the other
 * is told that it is taken. Absent also for one that is looked after in FusionPBX, where this would last until the next look.
 */
export async function changeDomain(
  db: Queryable, id: string, { name, enabled }: { name?: string; enabled?: boolean },
): Promise<StoredDomain | 'taken' | 'absent'> {
  if (!isUuid(id)) return 'absent';
  try {
    const { rows } = await db.query<StoredDomain>(
      `update domain set domain_name = coalesce($2, domain_name), enabled = coalesce($3, enabled)
        where domain_uuid = $1 and source = 'local' returning ${COLUMNS}`,
      [id, name?.toLowerCase() ?? null, enabled ?? null],
    );
    return rows[0] ?? 'absent';
  } catch (error) {
    if (codeOf(error) === UNIQUE_VIOLATION) return 'taken';
    throw error;
  }
}

/**
 * Removes a tenant with its subscriptions and tokens; undefined where there is none of this id that is looked after here. Whoever
 * deletes it first is told what went with it, as of the moment the statement began. Its deliveries stay as history; those that
 * still wait find no subscription any more and are given up.
 */
export async function deleteDomain(db: Queryable, id: string): Promise<DeletedDomain | undefined> {
  if (!isUuid(id)) return undefined;
  const { rows } = await db.query<DeletedDomain>(
    `with gone as (delete from domain where domain_uuid = $1 and source = 'local' returning domain_uuid, domain_name)
     select domain_name as name,
            (select count(*) from event_domain e where e.domain_uuid = gone.domain_uuid) as subscriptions,
            (select count(*) from api_token t where t.domain_uuid = gone.domain_uuid) as tokens,
            (select count(*) from delivery d where d.domain_uuid = gone.domain_uuid and d.state in ('pending', 'leased')) as waiting
       from gone`,
    [id],
  );
  return rows[0];
}

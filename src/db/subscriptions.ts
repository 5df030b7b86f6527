import type { Subscription } from '../subscriptions/subscription.js';
import type { Queryable } from './pool.js';
import { isUuid } from './uuid.js';

/** A subscription as stored: its key is sealed where there is one to seal with, see `SealedSubscriptions`. */
export interface StoredSubscription extends Omit<Subscription, 'signing'> {
  /** Why the daemon disabled it, and when it was disabled; null where its tenant did it, or it is enabled. */
  readonly disabledReason: string | null;
  readonly disabledAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** The columns of `StoredSubscription`. */
export const COLUMNS = `event_domain_uuid as id, domain_uuid as "domainId", domain_name as "domainName", event_name as event, callback_url as url,
  callback_apikey as "apiKey", payload_format as format, rate_per_second as "ratePerSecond", enabled,
  disabled_reason as "disabledReason", disabled_at as "disabledAt", created_at as "createdAt", updated_at as "updatedAt"`;

/** What one tenant subscribed to, oldest first, disabled ones included. */
export async function listSubscriptions(db: Queryable, domainId: string): Promise<StoredSubscription[]> {
  if (!isUuid(domainId)) return [];
  const { rows } = await db.query<StoredSubscription>(
    `select ${COLUMNS} from event_domain where domain_uuid = $1 order by created_at, event_domain_uuid`, [domainId]);
  return rows;
}

/** Every tenant's subscriptions, one page at a time: up to `limit`, after the id that ended the page before. For admins only. */
export async function listAllSubscriptions(db: Queryable, limit: number, after?: string): Promise<StoredSubscription[]> {
  if (after !== undefined && !isUuid(after)) return [];
  const { rows } = await db.query<StoredSubscription>(
    `select ${COLUMNS} from event_domain where $2::uuid is null or event_domain_uuid > $2 order by event_domain_uuid limit $1`, [limit, after ?? null]);
  return rows;
}

/** A subscription by its id, whosever it is. For admins only. */
export async function findSubscription(db: Queryable, id: string): Promise<StoredSubscription | undefined> {
  if (!isUuid(id)) return undefined;
  const { rows } = await db.query<StoredSubscription>(`select ${COLUMNS} from event_domain where event_domain_uuid = $1`, [id]);
  return rows[0];
}

/**
 * Subscribes a tenant to an event at a URL. Doing it again sets the key and enables it; its id stays, for webhook ids derive from it.
 * Of two at once one creates it, and both get the same id. Undefined when there is no such tenant. The key is stored as it is given.
 */
export async function upsertSubscription(
  db: Queryable, domainId: string, event: string, url: string, apiKey: string,
): Promise<{ id: string; created: boolean } | undefined> {
  if (!isUuid(domainId)) return undefined;
  const { rows } = await db.query<{ id: string; created: boolean }>(
    `insert into event_domain (domain_uuid, domain_name, event_name, callback_url, callback_apikey)
     select domain_uuid, domain_name, $2, $3, $4 from domain where domain_uuid = $1
     on conflict (domain_uuid, event_name, callback_url) do update set callback_apikey = excluded.callback_apikey, enabled = true
     returning event_domain_uuid as id, xmax = 0 as created`,
    [domainId, event, url, apiKey],
  );
  return rows[0];
}

/** Removes a tenant's subscription; false when he has none of this id, whoever else may have it. */
export async function deleteSubscription(db: Queryable, domainId: string, id: string): Promise<boolean> {
  if (!isUuid(domainId) || !isUuid(id)) return false;
  const { rowCount } = await db.query('delete from event_domain where domain_uuid = $1 and event_domain_uuid = $2', [domainId, id]);
  return rowCount === 1;
}

import { codeOf, type Queryable } from './pool.js';
import { COLUMNS, type StoredSubscription } from './subscriptions.js';
import { isUuid } from './uuid.js';

/** A row's place in a list by age: microseconds since 1970, more than a Date holds, and what tells those of one moment apart. */
export interface Place { readonly createdMicros: number; readonly id: string }

/** What a subscription is to be; what is not there stays. The key is stored as it is given. */
export interface StoredChange {
  readonly url: string;
  readonly apiKey: string;
  readonly enabled?: boolean;
  readonly format?: 'v1' | 'v2';
  readonly ratePerSecond?: number | null;
}

const UNIQUE_VIOLATION = '23505';

/** A tenant's subscription; with null for the tenant, whosever it is, for admins only. */
export async function findSubscriptionOf(db: Queryable, domainId: string | null, id: string): Promise<StoredSubscription | undefined> {
  if (!isUuid(id)) return undefined;
  const { rows } = await db.query<StoredSubscription>(
    `select ${COLUMNS} from event_domain where event_domain_uuid = $2 and ($1::uuid is null or domain_uuid = $1)`, [domainId, id]);
  return rows[0];
}

/**
 * Subscriptions of one tenant, or with null of all (for admins only), oldest first: up to `limit`, after the one that ended the page
 * before, be it there still or not.
 */
export async function listSubscriptionPage(db: Queryable, domainId: string | null, limit: number, after?: Place): Promise<(StoredSubscription & Place)[]> {
  const { rows } = await db.query<StoredSubscription & Place>(
    `select ${COLUMNS}, (extract(epoch from created_at) * 1000000)::bigint as "createdMicros"
       from event_domain
      where ($1::uuid is null or domain_uuid = $1)
        and ($3::bigint is null or (created_at, event_domain_uuid) > (timestamptz 'epoch' + $3 * interval '1 microsecond', $4::uuid))
      order by created_at, event_domain_uuid
      limit $2`,
    [domainId, limit, after?.createdMicros ?? null, after?.id ?? null],
  );
  return rows;
}

/**
 * Changes a tenant's subscription, unless its URL or key is another than in `before`: then nothing happens ("disturbed"), since the
 * new key was made from them. So of two at once the second begins anew and neither is lost. Taken where the tenant has the same event
 * at that URL already, also where both come at once.
 */
export async function changeSubscription(
  db: Queryable, before: StoredSubscription, { url, apiKey, enabled, format, ratePerSecond }: StoredChange,
): Promise<StoredSubscription | 'taken' | 'disturbed'> {
  try {
    const { rows } = await db.query<StoredSubscription>(
      `update event_domain
          set callback_url = $5, callback_apikey = $6, enabled = coalesce($7, enabled), payload_format = coalesce($8, payload_format),
              rate_per_second = case when $9 then $10::integer else rate_per_second end
        where domain_uuid = $1 and event_domain_uuid = $2 and callback_url = $3 and callback_apikey = $4
       returning ${COLUMNS}`,
      [before.domainId, before.id, before.url, before.apiKey, url, apiKey, enabled ?? null, format ?? null, ratePerSecond !== undefined, ratePerSecond ?? null],
    );
    return rows[0] ?? 'disturbed';
  } catch (error) {
    if (codeOf(error) === UNIQUE_VIOLATION) return 'taken';
    throw error;
  }
}

/** How many deliveries are kept for a tenant's disabled subscription, counted up to `limit`: past that nobody needs to know. */
export async function countHeld(db: Queryable, domainId: string, subscriptionId: string, limit: number): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    `select count(*) as count from (select from delivery where domain_uuid = $1 and subscription_id = $2 and state = 'held' limit $3) held`,
    [domainId, subscriptionId, limit],
  );
  return rows[0]!.count;
}

import type { Queryable } from './pool.js';

/** One URL of a tenant and how it does, as the daemons have noted it. */
export interface StoredReceiver {
  readonly domainId: string;
  readonly domainName: string;
  readonly url: string;
  /** Nothing but failures since then; null where the last answer was good, or none was asked for. */
  readonly failingSince: Date | null;
  readonly lastFailure: string | null;
}

/** URLs by tenant and URL, up to `limit`, after the one that ended the page before; only failing ones where asked for. For admins only. */
export async function listReceivers(db: Queryable, limit: number, { failing, after }: { failing: boolean; after?: { domainId: string; url: string } }): Promise<StoredReceiver[]> {
  const { rows } = await db.query<StoredReceiver>(
    `select r.domain_uuid as "domainId", d.domain_name as "domainName", r.callback_url as url, r.failing_since as "failingSince", r.last_failure as "lastFailure"
       from receiver r join domain d using (domain_uuid)
      where ($2::uuid is null or (r.domain_uuid, r.callback_url) > ($2, $3)) and (r.failing_since is not null or not $4)
      order by r.domain_uuid, r.callback_url
      limit $1`,
    [limit, after?.domainId ?? null, after?.url ?? null, failing],
  );
  return rows;
}

/** How many of a tenant's deliveries wait for each of these URLs, in their order, counted up to `most`: past that nobody needs to know. */
export async function countWaitingFor(db: Queryable, receivers: readonly { domainId: string; urlKey: string }[], most: number): Promise<number[]> {
  const { rows } = await db.query<{ count: number }>(
    `select w.count
       from unnest($1::uuid[], $2::bigint[]) with ordinality as r (domain_uuid, url_key, place)
      cross join lateral (
        select count(*) as count
          from (select from delivery d where d.url_key = r.url_key and d.state = 'pending' and d.domain_uuid = r.domain_uuid limit $3) counted
      ) w
      order by r.place`,
    [receivers.map(({ domainId }) => domainId), receivers.map(({ urlKey }) => urlKey), most],
  );
  return rows.map(({ count }) => count);
}

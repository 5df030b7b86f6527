import type { Queryable } from './pool.js';

/**
 * Ends up to `limit` deliveries that wait, or are held, and are too old to be sent, the oldest first, and returns the URL of each: what
 * waited behind it may go on. Whatever is leased is left to its holder. Several processes may do so at once: each takes other rows.
 */
export async function expire(db: Queryable, limit: number): Promise<string[]> {
  const { rows } = await db.query<{ urlKey: string }>(
    `with stale as (
       select day, id from delivery
        where state in ('pending', 'held') and expires_at <= now()
        order by expires_at
        limit $1
          for update skip locked
     )
     update delivery d
        set state = 'expired', settled_at = now(), last_reason = expiry_reason(d.occurred_at, d.expires_at, d.last_reason)
       from stale
      where d.day = stale.day and d.id = any (array[stale.id])
     returning d.url_key::text as "urlKey"`,
    [limit],
  );
  return rows.map(({ urlKey }) => urlKey);
}

import type { Delivery } from './outbox.js';
import type { Queryable } from './pool.js';

/** How many deliveries to claim for one URL. */
export interface Share { readonly urlKey: string; readonly room: number }

export interface ClaimOptions { daemonId: number; holdMs: number }

/**
 * Leases due deliveries, up to each URL's share. Only heads: rows with nothing before them in their lane
 * that still holds it. Two claimants never share a row, nor wait for each other: what one has locked, the other leaves out.
 * How it is written is explained at OUTBOX_SETUP.
 */
export async function claim(db: Queryable, shares: readonly Share[], { daemonId, holdMs }: ClaimOptions): Promise<Delivery[]> {
  const { rows } = await db.query<Delivery>(
    `with head as (
       select h.id, h.alone
         from unnest($1::bigint[], $2::integer[]) as share (url_key, room)
        cross join lateral (
          select d.id, coalesce(d.first_attempt_at + $4 * interval '1 ms' <= now(), false) as alone
            from delivery d
           where d.url_key = share.url_key and d.state = 'pending' and d.due_at <= now()
             and (select 1 from delivery e
                   where e.lane = d.lane and e.position < d.position and e.state in ('pending', 'leased')
                     and (e.first_attempt_at is null or e.first_attempt_at + $4 * interval '1 ms' > now())
                   limit 1) is null
           order by d.due_at, d.position
           limit share.room
             for update of d skip locked
        ) h
     )
     update delivery d
        set state = 'leased', leased_by = $3, attempt = d.attempt + 1, first_attempt_at = coalesce(d.first_attempt_at, now())
       from head
      where d.id = any (array[head.id])
     returning d.id, d.lane::text as lane, d.url_key::text as "urlKey", d.url, d.subscription_id as "subscriptionId", d.domain_uuid as "domainId",
               d.event, d.sequence, d.body, d.attempt, head.alone, d.synthetic, extract(epoch from d.expires_at)::float8 * 1000 as "expiresAtMs"`,
    [shares.map(({ urlKey }) => urlKey), shares.map(({ room }) => room), daemonId, holdMs],
  );
  return rows;
}

/** Before every URL in the order that `dueUrls` goes through. */
export const FIRST_URL = '-9223372036854775808';

/**
 * URLs after `after` that have a pending row whose time has come, of the next `limit` URLs that have pending rows at all;
 * `next` is where to go on, FIRST_URL after the last. It leaps from URL to URL in the index, so a million rows waiting for
 * one receiver cost as much as one.
 */
export async function dueUrls(db: Queryable, after: string, limit: number): Promise<{ due: string[]; next: string }> {
  const { rows } = await db.query<{ urlKey: string; due: boolean }>(
    `with recursive url as (
       (select url_key, due_at from delivery where state = 'pending' and url_key > $1 order by url_key, due_at limit 1)
       union all
       select n.url_key, n.due_at
         from url
        cross join lateral (
          select d.url_key, d.due_at from delivery d
           where d.state = 'pending' and d.url_key > url.url_key
           order by d.url_key, d.due_at
           limit 1
        ) n
     )
     select url_key::text as "urlKey", due_at <= now() as due from url limit $2`,
    [after, limit],
  );
  return {
    due: rows.filter(({ due }) => due).map(({ urlKey }) => urlKey),
    next: rows.length < limit ? FIRST_URL : rows.at(-1)!.urlKey,
  };
}

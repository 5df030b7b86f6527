import type { Delivery } from './outbox.js';
import type { Queryable } from './pool.js';

/** How many deliveries to claim for one URL. */
export interface Share { readonly urlKey: string; readonly room: number }

export interface ClaimOptions {
  daemonId: number;
  holdMs: number;
  /** The first day to look into, `YYYY-MM-DD`; see `firstWaitingDay`. */
  since: string;
}

/** A delivery as it is claimed. */
export interface Claimed extends Omit<Delivery, 'expiresAtMs' | 'receivedAtMs'> {
  /** How long it is still worth sending, milliseconds from the claim; null: for ever. */
  readonly expiresInMs: number | null;
}

/**
 * Leases due deliveries, up to each URL's share. Only heads: rows with nothing before them in their lane
 * that still holds it. Two claimants never share a row, nor wait for each other: what one has locked, the other leaves out.
 * How it is written is explained at OUTBOX_SETUP.
 */
export async function claim(db: Queryable, shares: readonly Share[], { daemonId, holdMs, since }: ClaimOptions): Promise<Claimed[]> {
  const { rows } = await db.query<Claimed>(
    `with head as (
       select h.day, h.id, h.alone
         from unnest($1::bigint[], $2::integer[]) as share (url_key, room)
        cross join lateral (
          select d.day, d.id, coalesce(d.first_attempt_at + $4 * interval '1 ms' <= now(), false) as alone
            from delivery d
           where d.day >= $5 and d.url_key = share.url_key and d.state = 'pending' and d.due_at <= now()
             and (select 1 from delivery e
                   where e.day >= $5 and e.day = d.day and e.lane = d.lane and e.sequence < d.sequence and e.state in ('pending', 'leased')
                     and (e.first_attempt_at is null or e.first_attempt_at + $4 * interval '1 ms' > now())
                   limit 1) is null
           order by d.due_at, d.sequence
           limit share.room
             for update of d skip locked
        ) h
     )
     update delivery d
        set state = 'leased', leased_by = $3, attempt = d.attempt + 1, first_attempt_at = coalesce(d.first_attempt_at, now())
       from head
      where d.day >= $5 and d.day = head.day and d.id = any (array[head.id])
     returning d.id, d.day::text as day, d.lane::text as lane, d.url_key::text as "urlKey", d.url, d.subscription_id as "subscriptionId",
               d.domain_uuid as "domainId", d.event, d.flow_id as "flowId", d.sequence, d.body, d.attempt, d.attempts_before as "attemptsBefore", head.alone, d.synthetic,
               d.replayed_at is not null as replayed, extract(epoch from d.expires_at - now())::float8 * 1000 as "expiresInMs"`,
    [shares.map(({ urlKey }) => urlKey), shares.map(({ room }) => room), daemonId, holdMs, since],
  );
  return rows;
}

/** Before every day. */
export const FIRST_DAY = '-infinity';

/** The first day of which something waits or is leased, yesterday at the latest, for what comes next will be of yesterday or today. */
export async function firstWaitingDay(db: Queryable): Promise<string> {
  const { rows } = await db.query<{ day: string }>(
    `select least((select day from delivery where state in ('pending', 'leased') order by day limit 1), (now() at time zone 'utc')::date - 1)::text as day`);
  return rows[0]!.day;
}

/** Before every URL in the order that `dueUrls` goes through. */
export const FIRST_URL = '-9223372036854775808';

/**
 * URLs after `after` that have a pending row whose time has come, of the next `limit` URLs that have pending rows at all;
 * `next` is where to go on, FIRST_URL after the last. It leaps from URL to URL in the index, so a million rows waiting for
 * one receiver cost as much as one. `since` as in `ClaimOptions`.
 */
export async function dueUrls(db: Queryable, after: string, limit: number, since: string): Promise<{ due: string[]; next: string }> {
  const { rows } = await db.query<{ urlKey: string; due: boolean }>(
    `with recursive url as (
       (select url_key, due_at from delivery where day >= $3 and state = 'pending' and url_key > $1 order by url_key, due_at limit 1)
       union all
       select n.url_key, n.due_at
         from url
        cross join lateral (
          select d.url_key, d.due_at from delivery d
           where d.day >= $3 and d.state = 'pending' and d.url_key > url.url_key
           order by d.url_key, d.due_at
           limit 1
        ) n
     )
     select url_key::text as "urlKey", due_at <= now() as due from url limit $2`,
    [after, limit, since],
  );
  return {
    due: rows.filter(({ due }) => due).map(({ urlKey }) => urlKey),
    next: rows.length < limit ? FIRST_URL : rows.at(-1)!.urlKey,
  };
}

import type { Queryable } from './pool.js';

/** How far into what is due for a URL a cdr is looked for. */
const WINDOW = 200;

/**
 * Puts, for each of these URLs, the cdr that has been due the longest before all else that is due there, so that the next claim
 * of one delivery takes it: what finds out whether a receiver is back had better be what its tenant needs most. A cdr with
 * something of its call before it is left where it is, since the order of a call holds for a probe, too; and it is looked
 * for only among the first deliveries that are due, so that it costs the same however many wait. Two processes that do so at once
 * move the same row or leave it to the other. `since` as in `ClaimOptions`.
 */
export async function putCdrFirst(db: Queryable, urlKeys: readonly string[], since: string): Promise<void> {
  await db.query(
    `update delivery d
        set due_at = first_due_at - interval '1 us'
       from unnest($1::bigint[]) as url (url_key)
      cross join lateral (
        select w.day, w.id, w.first_due_at, w.place
          from (select day, id, lane, sequence, event, due_at, min(due_at) over () as first_due_at, row_number() over (order by due_at, sequence) as place
                  from (select day, id, lane, sequence, event, due_at from delivery
                         where day >= $3 and url_key = url.url_key and state = 'pending' and due_at <= now()
                         order by due_at, sequence
                         limit $2) due) w
         where w.event = 'cdr'
           and (select 1 from delivery e where e.day >= $3 and e.day = w.day and e.lane = w.lane and e.sequence < w.sequence and e.state in ('pending', 'leased') limit 1) is null
         order by w.place
         limit 1
      ) cdr
      where cdr.place > 1 and d.day >= $3 and d.day = cdr.day and d.id = any (array[cdr.id]) and d.leased_by is null and d.settled_at is null`,
    [urlKeys, WINDOW, since],
  );
}

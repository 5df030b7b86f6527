import type { Queryable } from './pool.js';

/** For how many days deliveries are kept: those that were taken, and those that were not. */
export interface Retention { deliveredDays: number; abandonedDays: number }

/**
 * Deletes up to `limit` deliveries that belong to no day's partition and ended longer ago than they are kept, with their attempts,
 * and returns how many. Several processes may do so at once: each takes other rows.
 */
export async function deleteStray(db: Queryable, { deliveredDays, abandonedDays }: Retention, limit: number): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    `with old as (
       select o.id
         from (values ('delivered', $1::integer), ('abandoned', $2), ('expired', $2)) as kept (state, days)
        cross join lateral (
          select d.id from delivery_default d
           where d.state = kept.state and d.settled_at < now() - kept.days * interval '1 day'
           order by d.settled_at
           limit $3
             for update of d skip locked
        ) o
        limit $3
     ), gone as (
       delete from delivery_default d using old where d.id = old.id returning d.id
     ), unrecorded as (
       delete from attempt_default a using old where a.delivery_id = old.id
     )
     select count(*)::integer as count from gone`,
    [deliveredDays, abandonedDays, limit],
  );
  return rows[0]!.count;
}

/**
 * How many deliveries are neither delivered nor given up: exact up to `exactUpTo`, beyond it what the server knew when it last
 * analyzed the tables, because counting a million rows would cost more than the answer is worth. What is held is not counted.
 */
export async function countWaiting(db: Queryable, exactUpTo: number): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    `select case when counted.rows < $1 then counted.rows
                 else greatest(counted.rows, (
                   select sum(greatest(0, c.reltuples)) from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'delivery_open'::regclass))
                 end::float8 as count
       from (select count(*) as rows
               from (select 1 from delivery where state in ('pending', 'leased') limit $1) capped) counted`,
    [exactUpTo],
  );
  return rows[0]!.count;
}

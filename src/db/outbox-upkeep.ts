import type { Queryable } from './pool.js';

export interface Retention { deliveredDays: number; abandonedDays: number }

/**
 * Deletes up to `limit` deliveries that ended longer ago than they are kept, and returns how many. Several processes may do
 * so at once: each takes other rows.
 */
export async function deleteOld(db: Queryable, { deliveredDays, abandonedDays }: Retention, limit: number): Promise<number> {
  const { rowCount } = await db.query(
    `delete from delivery where id in (
       select o.id
         from (values ('delivered', $1::integer), ('abandoned', $2), ('expired', $2)) as kept (state, days)
        cross join lateral (
          select d.id from delivery d
           where d.state = kept.state and d.settled_at < now() - kept.days * interval '1 day'
           order by d.settled_at
           limit $3
             for update of d skip locked
        ) o
        limit $3)`,
    [deliveredDays, abandonedDays, limit],
  );
  return rowCount ?? 0;
}

/**
 * How many deliveries are neither delivered nor given up: exact up to `exactUpTo`, beyond it what the server knew when it last
 * analyzed the table, because counting a million rows would cost more than the answer is worth.
 */
export async function countWaiting(db: Queryable, exactUpTo: number): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    `select case when counted.rows < $1 then counted.rows
                 else greatest(counted.rows, (select reltuples from pg_class where oid = 'delivery_open'::regclass)) end::float8 as count
       from (select count(*) as rows
               from (select 1 from delivery where state in ('pending', 'leased') limit $1) capped) counted`,
    [exactUpTo],
  );
  return rows[0]!.count;
}

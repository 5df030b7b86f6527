import type { Retention } from './outbox-upkeep.js';
import type { Queryable } from './pool.js';

/**
 * The partitions of the history, one for each day (UTC), behind the functions of the migration that made them. Any number of
 * processes may call these: one does the work, the others find it being done, or nothing to do. A call that would have to wait for
 * others fails with LOCK_NOT_AVAILABLE instead, because meanwhile nobody could write; nothing has happened then.
 */
export const LOCK_NOT_AVAILABLE = '55P03';

/** What is to be done with an old day: `thin` takes out what was delivered, `drop` all of it. */
export interface AgedDay { readonly day: string; readonly due: 'thin' | 'drop' }

/**
 * Days without a partition that should have one, `YYYY-MM-DD`: from yesterday to the day after tomorrow, and those of which
 * something has come all the same and that are still to be kept.
 */
export async function missingDays(db: Queryable, { deliveredDays }: Retention): Promise<string[]> {
  const { rows } = await db.query<{ day: string }>(
    `with today as (select (now() at time zone 'utc')::date as day), wanted as (
       select today.day + n as day from today cross join generate_series(-1, 2) n
       union
       select d.day from delivery_default d cross join today where d.day between today.day - $1::integer and today.day + 2
     )
     select w.day::text as day from wanted w where not exists (select from history_day h where h.day = w.day) order by w.day`,
    [deliveredDays],
  );
  return rows.map(({ day }) => day);
}

/** Makes a day's partitions, and moves there what had come too early for them. False where they are there, or cannot be made now. */
export async function makeDay(db: Queryable, day: string): Promise<boolean> {
  const { rows } = await db.query<{ done: boolean }>('select make_history_day($1) as done', [day]);
  return rows[0]!.done;
}

/** The days that are older than they are kept, the oldest first: the age is that of the day, not of each delivery. */
export async function agedDays(db: Queryable, { deliveredDays, abandonedDays }: Retention): Promise<AgedDay[]> {
  const { rows } = await db.query<AgedDay>(
    `select h.day::text as day, case when h.day < today.day - greatest($1::integer, $2::integer) then 'drop' else 'thin' end as due
       from history_day h
      cross join (select (now() at time zone 'utc')::date as day) today
      where h.day < today.day - greatest($1::integer, $2::integer) or (h.day < today.day - $1::integer and h.is_full)
      order by h.day`,
    [deliveredDays, abandonedDays],
  );
  return rows;
}

/**
 * Takes a day's deliveries that were taken out of the history, for good. What was not taken is gone for a moment, too, until
 * `bringBack` has run. False where something of that day still waits: then all of it stays.
 */
export async function thinDay(db: Queryable, day: string): Promise<boolean> {
  const { rows } = await db.query<{ done: boolean }>('select thin_history_day($1) as done', [day]);
  return rows[0]!.done;
}

/** Brings some of what `thinDay` took out and was not taken back into the history; true while there is more, also after a crash. */
export async function bringBack(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ more: boolean }>('select empty_history_day() as more');
  return rows[0]!.more;
}

/** Drops a day with all that is in it. False where something of it still waits. */
export async function dropDay(db: Queryable, day: string): Promise<boolean> {
  const { rows } = await db.query<{ done: boolean }>('select drop_history_day($1) as done', [day]);
  return rows[0]!.done;
}

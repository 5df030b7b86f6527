import type { Queryable } from './pool.js';

/**
 * When the oldest delivery was promised that is neither delivered nor given up; null where none waits. Looks at no more than
 * `most` of them, those of the oldest day first: exact where no more wait, else too young by less than a day.
 */
export async function oldestWaiting(db: Queryable, most: number): Promise<Date | null> {
  const { rows } = await db.query<{ oldest: Date | null }>(
    `select min(created_at) as oldest
       from (select created_at from delivery where state in ('pending', 'leased') order by day limit $1) waiting`,
    [most],
  );
  return rows[0]!.oldest;
}

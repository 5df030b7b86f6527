import type { Queryable } from './pool.js';

/**
 * For how many seconds the oldest delivery has waited that is neither delivered nor given up; 0 where none waits. Where more than
 * `mostRows` wait it is the oldest among so many of the earliest days, because to look at a million rows would cost more than
 * the answer is worth. What is held is not waiting. Reads only, so any number of processes may ask.
 */
export async function oldestWaitingSeconds(db: Queryable, mostRows: number): Promise<number> {
  const { rows } = await db.query<{ seconds: number }>(
    `select coalesce(greatest(0, extract(epoch from now() - min(earliest.created_at))), 0)::float8 as seconds
       from (select created_at from delivery where state in ('pending', 'leased') order by day limit $1) earliest`,
    [mostRows],
  );
  return rows[0]!.seconds;
}

import { inTransaction, type Pool, type Queryable } from './pool.js';

/** Reads in one transaction. What takes longer than it may is cancelled by Postgres, and rejects. */
export type Reader = <T>(read: (db: Queryable) => Promise<T>) => Promise<T>;

/**
 * A reader for those who wait for an answer: `lookMs` for each statement has to be less than they wait, so that they get an error and not silence.
 *
 * Lists are to be read in the order of their index and left when they are full. Of how many rows fit a filter Postgres only has an
 * idea, though, and of how large one tenant is among many a wrong one: left to itself, it gathers all of a tenant's rows to sort them.
 */
export function createReader(pool: Pool, { lookMs }: { lookMs: number }): Reader {
  return (read) => inTransaction(pool, async (db) => {
    await db.query('set transaction read only');
    await db.query(
      `select set_config('statement_timeout', $1, true), set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true)`,
      [String(lookMs)],
    );
    return await read(db);
  });
}

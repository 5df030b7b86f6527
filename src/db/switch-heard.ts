import type { Queryable } from './pool.js';

/** Until when a switch was heard, by Postgres' clock, and in which of its runs. */
export interface Heard { readonly heardAt: Date; readonly coreId: string }

/** Says that `owner` hears the switch now. Each daemon has a row of its own, so none waits for another. */
export async function heard(db: Queryable, owner: string, switchName: string, coreId: string): Promise<void> {
  await db.query(
    `insert into switch_heard (owner, switch_name, core_id, heard_at) values ($1, $2, $3, now())
     on conflict (owner, switch_name) do update set core_id = excluded.core_id, heard_at = excluded.heard_at`,
    [owner, switchName, coreId],
  );
}

/** When `owner` last heard the switch; undefined where he never has. */
export async function lastHeard(db: Queryable, owner: string, switchName: string): Promise<Heard | undefined> {
  const { rows } = await db.query<Heard>(
    `select heard_at as "heardAt", core_id as "coreId" from switch_heard where owner = $1 and switch_name = $2`,
    [owner, switchName],
  );
  return rows[0];
}

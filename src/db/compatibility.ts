import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LOCK_CLASS } from './outbox-daemon.js';
import type { Queryable } from './pool.js';

/** A daemon that is up, or may be. */
export interface LivingDaemon {
  name: string;
  /** Of its build; null where it is older than the column that says so. */
  version: string | null;
}

/**
 * Those of the pending migrations that a daemon which does not know them cannot live with. Each file says so in a line of its own,
 * `-- compatible: yes` or `no`; one that says neither counts as `no`, since a stop costs less than a wrong table.
 */
export async function incompatibleOf(pending: readonly string[], folder: string): Promise<string[]> {
  const files = await Promise.all(pending.map(async (name) => ({ name, sql: await readFile(join(folder, `${name}.sql`), 'utf8') })));
  return files.filter(({ sql }) => !/^-- compatible: yes$/m.test(sql)).map(({ name }) => name);
}

/** After its last sign of life a daemon that has lost its session counts as up for so long: it may be about to come back. */
const SILENT_MS = 15_000;

/**
 * The daemons that hold the lock of their session, or were heard of just now. None in a database that has no tables yet. What a
 * killed daemon left behind is gone from the list 15 s later at the latest. One that registers after this was asked has to find
 * its tables as it knows them, so ask while nobody else can migrate.
 */
export async function livingDaemons(db: Queryable): Promise<LivingDaemon[]> {
  const { rows: [table] } = await db.query<{ found: boolean }>(`select to_regclass('public.daemon') is not null as found`);
  if (!table?.found) return [];
  // Through jsonb, because the column is younger than the table.
  const { rows } = await db.query<LivingDaemon>(
    `select d.name, to_jsonb(d) ->> 'version' as version
       from public.daemon d
      where d.seen_at > now() - $2 * interval '1 ms'
         or exists (
           select 1 from pg_locks l
            where l.locktype = 'advisory' and l.granted and l.objsubid = 2
              and l.database = (select oid from pg_database where datname = current_database())
              and l.classid::bigint = $1 and l.objid::bigint = d.id)
      order by d.id`,
    [LOCK_CLASS, SILENT_MS],
  );
  return rows;
}

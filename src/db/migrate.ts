import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { Logger } from '../log.js';
import { incompatibleOf, livingDaemons } from './compatibility.js';
import { connectionOptions, serverOf, type Queryable } from './pool.js';

// src/db and dist/db are both two levels below the package.
const FOLDER = fileURLToPath(new URL('../../migrations', import.meta.url));
const TABLE = 'hookswitch_migration';

/** What separates this build's migrations from those a database has seen; both in order. */
export interface MigrationState {
  /** Known to this build, not applied yet. */
  pending: string[];
  /** Applied by a newer build, unknown to this one. */
  unknown: string[];
}

/** What is usual: the migrations of this build, and none that a daemon of an older build is in the way of. */
export interface MigrateOptions {
  /** Applies also what daemons that are up cannot live with. */
  force?: boolean;
  /** Of the migrations; those of this build where it is left out. */
  folder?: string;
}

/** A daemon of an older build is up, and could not live with what would have to be done. Nothing was done; it may be different in a moment. */
export class OlderDaemonLives extends Error {}

/**
 * Brings the database up to this build and returns the names of the migrations that it applied, each in a transaction of its own.
 * Any number of processes may call it at once: an advisory lock lets one through, and the others then find nothing to do.
 * Throws when the database is ahead of this build, for then its tables may mean what this build does not know; and an
 * OlderDaemonLives, unless forced. A daemon that is up does not know what is pending: it would have applied it.
 */
export async function migrate(url: string, log: Logger, { force = false, folder = FOLDER }: MigrateOptions = {}): Promise<string[]> {
  const client = new pg.Client({ ...connectionOptions(url), statement_timeout: 0 });
  client.on('error', () => {}); // a connection lost meanwhile rejects the query in hand
  await client.connect();
  try {
    await client.query(`select pg_advisory_lock(hashtextextended('${TABLE}', 0))`);
    const state = await migrationState(client, folder);
    requireKnown(state, url);
    if (state.pending.length === 0) return [];
    if (!force) await requireAlone(client, await incompatibleOf(state.pending, folder));
    const { runner } = await import('node-pg-migrate'); // nearly every start does without, and without the megabytes that it takes
    const applied = await runner({
      dbClient: client, dir: folder, direction: 'up', migrationsTable: TABLE, singleTransaction: false,
      ignorePattern: '(?!.*\\.sql$).*',
      noLock: true, // ours is held already, and covers the check above as well
      logger: quiet(log),
    });
    const names = applied.map(({ name }) => name);
    for (const name of names) log.info('migration applied', { name });
    return names;
  } finally {
    await client.end(); // and with it the lock
  }
}

/** Compares the migrations of this build with those recorded in the database; changes nothing. */
export async function migrationState(db: Queryable, folder = FOLDER): Promise<MigrationState> {
  const ours = (await readdir(folder)).filter((file) => file.endsWith('.sql')).map((file) => file.slice(0, -'.sql'.length)).sort();
  const recorded = await recordedMigrations(db);
  return { pending: ours.filter((name) => !recorded.includes(name)), unknown: recorded.filter((name) => !ours.includes(name)) };
}

async function recordedMigrations(db: Queryable): Promise<string[]> {
  const { rows: [table] } = await db.query<{ found: boolean }>(`select to_regclass('public.${TABLE}') is not null as found`);
  if (!table?.found) return [];
  const { rows } = await db.query<{ name: string }>(`select name from public.${TABLE} order by id`);
  return rows.map(({ name }) => name);
}

function requireKnown({ unknown }: MigrationState, url: string): void {
  if (unknown.length === 0) return;
  throw new Error(`The database at ${serverOf(url)} is ahead of this build: it has seen ${unknown.join(', ')}. Run the newer build, or restore the backup made before it.`);
}

async function requireAlone(db: Queryable, incompatible: readonly string[]): Promise<void> {
  const living = incompatible.length === 0 ? [] : await livingDaemons(db);
  if (living.length === 0) return;
  const daemons = living.map(({ name, version }) => `${name} (${version ?? 'of a version that does not say'})`).join(', ');
  throw new OlderDaemonLives(`Daemons of an older build are up and cannot live with ${incompatible.join(', ')}: ${daemons}. Stop them first (one that was killed counts as up for 15 s), or call \`hookswitch migrate --force\`.`);
}

/** The runner's own lines are for the curious; what failed is in the error that it throws. Our SQL holds no secrets. */
function quiet(log: Logger) {
  const debug = (text: string) => log.debug('migration runner', { text });
  return { info: debug, warn: debug, error: debug };
}

import { join } from 'node:path';
import type { Config } from '../config.js';
import { openEmbedded } from '../db/embedded.js';
import { migrate } from '../db/migrate.js';
import { createPool, requireServer, type Pool } from '../db/pool.js';
import type { Logger } from '../log.js';
import { CommandError } from './failure.js';

/** A database that answers, up to this build, and which migrations that took. */
export interface OpenDatabase { db: Pool; applied: string[] }

/**
 * Runs `work` on the configured database, migrated first. Without DATABASE_URL that is the embedded one: a running daemon's, or
 * one that is started for the command and stopped after it. `force` as in `MigrateOptions`.
 *
 * @throws CommandError `database-unreachable`, with what to do about it.
 */
export async function withDatabase<T>(config: Config, log: Logger, work: (database: OpenDatabase) => Promise<T>, { force = false } = {}): Promise<T> {
  const { url, stop } = await open(config, log);
  try {
    const applied = await migrate(url, log, { force });
    const pool = createPool({ url, max: 2 }, log);
    try {
      return await work({ db: pool, applied });
    } finally {
      await pool.end();
    }
  } finally {
    await stop();
  }
}

async function open(config: Config, log: Logger): Promise<{ url: string; stop: () => Promise<void> }> {
  const { url } = config.database;
  if (url === '') {
    const folder = join(config.dataDir, 'postgres');
    return await openEmbedded({ folder, log }).catch((error: unknown) => {
      throw new CommandError('database-unreachable', `The embedded Postgres in ${folder} cannot be used: ${messageOf(error)}`, { cause: error });
    });
  }
  await requireServer(url).catch((error: unknown) => {
    throw new CommandError('database-unreachable', `${messageOf(error)} (see DATABASE_URL)`, { cause: error });
  });
  return { url, stop: () => Promise.resolve() };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

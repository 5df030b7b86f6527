import { join } from 'node:path';
import type { Clock } from '../clock.js';
import type { Logger } from '../log.js';
import { openEmbedded } from './embedded.js';
import { migrate } from './migrate.js';
import { requireServer, ServerAway } from './pool.js';

export interface DatabaseOptions {
  /** '' for the embedded one. */
  url: string;
  /** Where the embedded one lies, in a folder of its own. */
  dataDir: string;
}

export interface DatabaseDeps { log: Logger; clock: Clock; random: () => number; stopping: AbortSignal }

const DATABASE_RETRY_MS = 2_000;

/** The configured Postgres, waited for where it is away until `stopping` aborts, or the embedded one; migrated. Rejects with everything stopped again. */
export async function openDatabase({ url, dataDir }: DatabaseOptions, { log, clock, random, stopping }: DatabaseDeps): Promise<{ url: string; stop: () => Promise<void> }> {
  const database = url === '' ? await openEmbedded({ folder: join(dataDir, 'postgres'), log }) : { url, stop: () => Promise.resolve() };
  try {
    await awaitServer(database.url, { log, clock, random, stopping });
    await migrate(database.url, log);
  } catch (error) {
    await database.stop();
    throw error;
  }
  return database;
}

/** A machine that boots starts us before its Postgres as often as not. Said once for each reason, not for each try. */
async function awaitServer(url: string, { log, clock, random, stopping }: DatabaseDeps): Promise<void> {
  for (let said = ''; ;) {
    try {
      return await requireServer(url);
    } catch (error) {
      if (!(error instanceof ServerAway) || stopping.aborted) throw error;
      if (error.message !== said) log.error('waiting for the database', { reason: error.message });
      said = error.message;
      await clock.sleep(DATABASE_RETRY_MS * (0.5 + random()), stopping);
    }
  }
}

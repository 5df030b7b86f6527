import { mkdir, realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import pg from 'pg';
import { systemClock, type Clock } from '../clock.js';
import type { Logger } from '../log.js';
import { findPostmaster, launchPostmaster, prepareCluster, stopPostmaster, SUPERUSER, type Cluster } from './embedded-cluster.js';
import { countHolders, enter, type Holder } from './embedded-holders.js';
import { exclusively } from './embedded-lock.js';
import { birthMark } from './embedded-process.js';
import { codeOf, connectionOptions } from './pool.js';

export interface EmbeddedOptions {
  /** Where its data lives on; made if missing. */
  folder: string;
  log: Logger;
  clock?: Clock;
  /** Settings of Postgres besides ours; they count only when this call starts the server. */
  settings?: Readonly<Record<string, string>>;
}

export interface EmbeddedPostgres {
  /** Of the database `hookswitch`, with its password: never to be logged. */
  readonly url: string;
  /** Whether nobody else used the folder when this process came: it started the server, or took over one whose holders had died. */
  readonly owned: boolean;
  /** Lets go; the last living holder stops the server. May be called twice. */
  stop(): Promise<void>;
}

const DATABASE = 'hookswitch';
const PATIENCE_MS = 120_000;
const START_MS = 10_000;
const RETRY_MS = 100;
const PROBE_MS = 20;

/**
 * The Postgres that lives in `folder`: starts it, or joins the one that runs already, be it another process's or what a killed one
 * left behind. All holders are equal and the last one stops it, so a command beside a running daemon never takes it away, nor
 * does a daemon lose what such a command had started. The server runs detached and survives us unless stopped.
 */
export async function openEmbedded({ folder, log, clock = systemClock, settings = {} }: EmbeddedOptions): Promise<EmbeddedPostgres> {
  await mkdir(resolve(folder), { recursive: true });
  const place = await realpath(folder);
  const inTurn = <T>(work: () => Promise<T>) => exclusively(place, { clock, patienceMs: PATIENCE_MS }, work);

  return await inTurn(async () => {
    const cluster = await prepareCluster(place);
    const owned = await countHolders(place) === 0;
    const holder = await enter(place);
    try {
      const url = await ensureRunning(cluster, settings, clock, log);
      let stopping: Promise<void> | undefined;
      return { url, owned, stop: () => stopping ??= inTurn(() => leave(cluster, holder, log)) };
    } catch (error) {
      await leave(cluster, holder, log);
      throw error;
    }
  });
}

async function leave(cluster: Cluster, holder: Holder, log: Logger): Promise<void> {
  await holder.leave();
  if (await countHolders(cluster.folder) > 0 || await findPostmaster(cluster) === undefined) return;
  await stopPostmaster(cluster);
  log.info('embedded postgres stopped', { folder: cluster.folder });
}

/**
 * Starting may take several tries: the last processes of a killed server hold on to its data for a moment, one that we join may be on
 * its way out, and a free port may be taken before the server has it.
 */
async function ensureRunning(cluster: Cluster, settings: Readonly<Record<string, string>>, clock: Clock, log: Logger): Promise<string> {
  const until = clock.monotonicMs() + START_MS;
  do {
    const running = await findPostmaster(cluster);
    const { pid, port } = running ?? await launchPostmaster(cluster, settings);
    const urlOf = (database: string) => `postgres://${SUPERUSER}:${cluster.password}@127.0.0.1:${port}/${database}`;
    if (await letsUsIn(urlOf('postgres'), pid, clock)) {
      log.info(running === undefined ? 'embedded postgres started' : 'embedded postgres joined', { folder: cluster.folder, port, pid });
      return urlOf(DATABASE);
    }
    await clock.sleep(RETRY_MS);
  } while (clock.monotonicMs() < until);
  throw new Error(`The embedded Postgres in ${cluster.folder} ends as soon as it is started; ${cluster.logFile} says why`);
}

/** False when the server's process ended instead. While it lives it is waited for: after a crash it has its log to replay first. */
async function letsUsIn(url: string, pid: number, clock: Clock): Promise<boolean> {
  const until = clock.monotonicMs() + PATIENCE_MS;
  for (;;) {
    const refusal = await createDatabase(url).then(() => undefined, (error: unknown) => error);
    if (refusal === undefined) return true;
    if (await birthMark(pid) === undefined) return false;
    // Class 28 is the answer of a server that is up and does not know our password; anything else may pass.
    if (codeOf(refusal).startsWith('28') || clock.monotonicMs() > until) throw new Error(`The embedded Postgres (pid ${pid}) does not let us in`, { cause: refusal });
    await clock.sleep(PROBE_MS);
  }
}

async function createDatabase(url: string): Promise<void> {
  const client = new pg.Client(connectionOptions(url));
  client.on('error', () => {}); // what breaks meanwhile rejects the query in hand
  try {
    await client.connect();
    const { rowCount } = await client.query('select from pg_database where datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`create database ${DATABASE}`);
  } finally {
    await client.end().catch(() => {}); // never connected, or gone already
  }
}

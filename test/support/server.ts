import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { openEmbedded } from '../../src/db/embedded.js';
import { migrate } from '../../src/db/migrate.js';
import { silentLog } from './silent-log.js';

/** The Postgres of one test run: its superuser's URL, the database to clone, and its end. */
export interface TestServer { url: string; template: string; stop(): Promise<void> }

const FOLDER = 'hookswitch-test-';
const DATABASE = 'hookswitch_test_';

/** Uses the server at `outside` where given, else starts one in a temporary folder; migrates a template in it, once for the run. */
export async function startServer(outside: string | undefined): Promise<TestServer> {
  const server = outside === undefined ? await startTemporary() : { url: outside, stop: () => dropStale(outside) };
  const template = `${DATABASE}${Date.now()}_${randomBytes(4).toString('hex')}_template`;
  await asAdmin(server.url, (admin) => admin.query(`create database ${template}`));
  await migrate(databaseAt(server.url, template), silentLog);
  return {
    url: server.url, template,
    async stop() {
      await asAdmin(server.url, (admin) => admin.query(`drop database ${template}`));
      await server.stop();
    },
  };
}

/** The same server's URL, for another of its databases. */
export function databaseAt(serverUrl: string, database: string): string {
  return Object.assign(new URL(serverUrl), { pathname: `/${database}` }).href;
}

/** Does one thing over a connection of its own to the server's maintenance database. */
export async function asAdmin<T>(serverUrl: string, work: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: databaseAt(serverUrl, 'postgres') });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

async function startTemporary(): Promise<{ url: string; stop(): Promise<void> }> {
  await removeOrphans();
  const folder = await mkdtemp(join(tmpdir(), `${FOLDER}${process.pid}-`));
  // What a power cut would lose here nobody misses.
  const postgres = await openEmbedded({ folder, log: silentLog, settings: { fsync: 'off', full_page_writes: 'off', max_connections: '300' } });
  return {
    url: postgres.url,
    async stop() {
      await postgres.stop();
      await rm(folder, { recursive: true });
    },
  };
}

/** Stops and removes what interrupted runs left: their pid is in the folder's name. */
async function removeOrphans(): Promise<void> {
  for (const name of (await readdir(tmpdir())).filter((entry) => entry.startsWith(FOLDER))) {
    if (isAlive(Number.parseInt(name.slice(FOLDER.length), 10))) continue;
    const folder = join(tmpdir(), name);
    // Another user's is not ours to clean, and another run may be cleaning the same one.
    await openEmbedded({ folder, log: silentLog }).then((orphan) => orphan.stop()).then(() => rm(folder, { recursive: true, force: true })).catch(() => {});
  }
}

/** On an outside server interrupted runs leave databases behind; an hour is longer than any run. */
async function dropStale(url: string): Promise<void> {
  await asAdmin(url, async (admin) => {
    const { rows } = await admin.query<{ datname: string }>(`select datname from pg_database where starts_with(datname, $1)`, [DATABASE]);
    for (const { datname } of rows) {
      const createdAt = Number.parseInt(datname.slice(DATABASE.length), 10);
      if (createdAt < Date.now() - 3_600_000) await admin.query(`drop database if exists ${datname} with (force)`);
    }
  });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

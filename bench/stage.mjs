// Everything around a contestant: a switch, a receiver and a Postgres, each a process of its own, all on this machine.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../dist/clock.js';
import { openEmbedded } from '../dist/db/embedded.js';
import { migrate } from '../dist/db/migrate.js';
import { createPool } from '../dist/db/pool.js';
import { upsertSubscription } from '../dist/db/subscriptions.js';
import { addDomain } from '../dist/db/tenants.js';
import { createLogger } from '../dist/log.js';
import { TENANTS } from './calls.mjs';
import { openRedis } from './redis.mjs';
import { startDaemon, startHelper } from './surroundings.mjs';
import { serverCpuUs, usageOf } from './usage.mjs';

/** Postgres' own interval for statistics of those that work, and some more. */
const STATISTICS_MS = 1_500;
const EVENTS = ['ringing', 'answered', 'hangup', 'cdr'];
/** What the daemon sets for itself and serves the others as well: 2 to 5 % more webhooks. Its small young generation, which costs them some, they are spared. */
const CONTESTANT_FLAGS = ['--no-allocation-site-pretenuring'];

/** Opens the stage. `close` takes everything away again. */
export async function openStage() {
  const password = randomBytes(16).toString('hex');
  const folder = await mkdtemp(join(tmpdir(), 'hookswitch-bench-'));
  await chmod(folder, 0o711); // where we are root, Postgres runs as another user
  const log = createLogger({ level: 'warn', format: 'text', stream: process.stderr });
  const postgres = await openEmbedded({ folder: join(folder, 'postgres'), log });
  await migrate(postgres.url, log);
  const pool = createPool({ url: postgres.url, max: 2 }, log);
  const postmaster = Number((await readFile(join(folder, 'postgres', 'data', 'postmaster.pid'), 'utf8').catch(() => readFile(join(folder, 'postgres', 'postmaster.pid'), 'utf8'))).split('\n')[0]);
  const redis = await openRedis(join(folder, 'redis'));
  const player = await startHelper('player.mjs', [password]);
  const receiver = await startHelper('receiver.mjs', [], (received) => player.tell({ received }));
  for (const domain of TENANTS) await subscribe(domain, `http://127.0.0.1:${receiver.port}/${domain}`);

  async function subscribe(name, url) {
    const { domain } = await addDomain(pool, name);
    for (const event of EVENTS) await upsertSubscription(pool, domain.id, event, url, 'key');
  }

  const env = (name) => ({
    HOOKSWITCH_NAME: name, HOOKSWITCH_DATA_DIR: join(folder, name), HOOKSWITCH_LOG_LEVEL: 'warn', HOOKSWITCH_ALLOW_ADDRESSES: '127.0.0.0/8', DATABASE_URL: postgres.url,
    HOOKSWITCH_SWITCH_HOST: '127.0.0.1', HOOKSWITCH_SWITCH_PORT: String(player.port), HOOKSWITCH_SWITCH_PASSWORD: password,
  });

  const databaseOf = (name) => (name === 'hookswitch' ? new URL(postgres.url).pathname.slice(1) : `bench_${name.replace('-', '_')}`);

  /** Drops the database of a contestant that has ended; the daemon's is the stage's own, and stays. */
  async function forget(name) {
    if (name !== 'hookswitch') await pool.query(`drop database if exists ${databaseOf(name)} with (force)`);
  }

  /** What is in a contestant's database, and what has been written to it; of a process that has ended all is counted. */
  async function stored(name) {
    const database = databaseOf(name);
    await systemClock.sleep(STATISTICS_MS); // a backend tells what it did when it has been idle for a while, or has ended
    const { rows: [{ rows, wal }] } = await pool.query(
      `select coalesce(sum(tup_inserted + tup_updated + tup_deleted), 0)::float8 as rows, (pg_current_wal_insert_lsn() - '0/0')::float8 as wal from pg_stat_database where datname = $1`, [database]);
    const { rows: [there] } = await pool.query('select 1 from pg_database where datname = $1', [database]);
    if (!there) return { rowsWritten: rows, walBytes: wal, tableBytes: 0, indexBytes: 0 };
    const own = createPool({ url: urlOf(database), max: 1 }, log);
    const { rows: [{ tables, indexes }] } = await own.query(
      `select coalesce(sum(pg_relation_size(oid)) filter (where relkind in ('r', 't')), 0)::float8 as tables, coalesce(sum(pg_relation_size(oid)) filter (where relkind = 'i'), 0)::float8 as indexes
         from pg_class where relkind in ('r', 't', 'i')`);
    await own.end();
    return { rowsWritten: rows, walBytes: wal, tableBytes: tables, indexBytes: indexes };
  }

  function urlOf(database) {
    const url = new URL(postgres.url);
    url.pathname = `/${database}`;
    return url.href;
  }

  /** A contestant in a process of its own, listening to the switch. */
  async function start(name, { daemon = 'bench', more = {}, flags = [] } = {}) {
    if (name === 'hookswitch') return await startDaemon(player, { ...env(daemon), ...more }, flags);
    const database = databaseOf(name);
    await forget(name);
    await pool.query(`create database ${database}`);
    player.forget('subscribed'); // modesl subscribes more than once
    const given = { port: player.port, password, tenants: TENANTS, receiver: receiver.port, database: urlOf(database), redis: redis?.path };
    const child = spawn(process.execPath, [...CONTESTANT_FLAGS, ...flags, fileURLToPath(new URL(`contestants/${name}.mjs`, import.meta.url)), JSON.stringify(given)], { stdio: ['ignore', 'ignore', 'inherit'] });
    const exited = once(child, 'exit');
    const ended = exited.then(([code, signal]) => { throw new Error(`${name} ended with ${code ?? signal}`); });
    ended.catch(() => {}); // after its stop nobody waits for it
    await Promise.race([player.said('subscribed'), ended]);
    return { pid: child.pid, during: (work) => Promise.race([work, ended]), async stop() { child.kill('SIGKILL'); await exited; } };
  }

  let closed = false;
  return {
    pool, player, receiver, folder, start, subscribe, forget, stored,
    hasRedis: redis !== undefined,
    /** CPU of what stores, in microseconds: Postgres and Redis. */
    storageCpuUs: async () => await serverCpuUs(postmaster) + (redis === undefined ? 0 : (await usageOf(redis.pid)).cpuUs),
    async close() {
      if (closed) return;
      closed = true;
      player.stop();
      receiver.stop();
      await pool.end();
      await postgres.stop();
      await redis?.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

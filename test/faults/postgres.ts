import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import pg from 'pg';
import { systemClock } from '../../src/clock.js';
import { prepareCluster, stopPostmaster, SUPERUSER } from '../../src/db/embedded-cluster.js';

export type Postgres = Awaited<ReturnType<typeof startPostgres>>;

const PATIENCE_MS = 60_000;
const PROBE_MS = 50;

/** A Postgres of its own in `folder`, on one port all its life, that can be restarted, killed, paused and filled up. */
export async function startPostgres(folder: string, settings: Readonly<Record<string, string>> = {}) {
  await mkdir(folder, { recursive: true });
  const cluster = await prepareCluster(folder);
  const port = await freePort();
  // What a power cut would lose here nobody misses: what is killed are processes, and the kernel keeps what they wrote.
  const all = { listen_addresses: '127.0.0.1', unix_socket_directories: '', max_connections: '100', fsync: 'off', full_page_writes: 'off', port: String(port), ...settings };
  const urlOf = (database: string) => `postgres://${SUPERUSER}:${cluster.password}@127.0.0.1:${port}/${database}`;
  let server: ChildProcess | undefined;

  /** The last processes of a killed server hold on to its data for a moment, so it may take several tries. */
  async function start(): Promise<void> {
    const until = systemClock.monotonicMs() + PATIENCE_MS;
    while (systemClock.monotonicMs() < until) {
      if (!isRunning()) server = await launch();
      const client = new pg.Client({ connectionString: urlOf('postgres') });
      client.on('error', () => {});
      const isUp = await client.connect().then(() => true, () => false);
      await client.end().catch(() => {});
      if (isUp) return;
      await systemClock.sleep(PROBE_MS);
    }
    throw new Error(`Postgres does not start: ${(await readFile(cluster.logFile, 'utf8')).slice(-2_000)}`);
  }

  async function launch(): Promise<ChildProcess> {
    const log = await open(cluster.logFile, 'a');
    try {
      const child = cluster.account.launch(cluster.binaries.postgres, ['-D', cluster.data, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])], log.fd);
      await once(child, 'spawn');
      return child;
    } finally {
      await log.close();
    }
  }

  const isRunning = () => server !== undefined && server.exitCode === null && server.signalCode === null;

  /** The postmaster before its children, for it would take a stopped child for a slow one and go on forking. */
  async function signalAll(signal: NodeJS.Signals): Promise<void> {
    const { pid } = server!;
    process.kill(pid!, signal);
    const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').filter(Boolean).map(Number);
    for (const child of children) {
      try {
        process.kill(child, signal);
      } catch { /* ended meanwhile */ }
    }
  }

  async function kill(): Promise<void> {
    if (!isRunning()) return;
    const exited = once(server!, 'exit');
    server!.kill('SIGKILL');
    await exited;
  }

  await start();
  const admin = new pg.Client({ connectionString: urlOf('postgres') });
  await admin.connect();
  await admin.query('create database hookswitch');
  await admin.end();
  return {
    url: urlOf('hookswitch'),
    data: cluster.data,
    logFile: cluster.logFile,
    isRunning, start, kill,
    /** In the orderly way: sessions are ended at once. */
    stop: async () => { if (isRunning()) await stopPostmaster(cluster); },
    pause: () => signalAll('SIGSTOP'),
    resume: () => signalAll('SIGCONT'),
  };
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => { probe.listen(0, '127.0.0.1', resolve); });
  const { port } = probe.address() as AddressInfo;
  await new Promise<void>((resolve) => { probe.close(() => resolve()); });
  return port;
}

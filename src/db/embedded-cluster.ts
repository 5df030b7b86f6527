import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, chown, open, readdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { findAccount, serverUser, type Account } from './embedded-account.js';
import { findBinaries, type Binaries } from './embedded-binaries.js';
import { birthMark, mayServe } from './embedded-process.js';

/** One embedded Postgres on disk: `data`, `password` and `postgres.log` in one folder. Everything here is called under the folder's lock. */
export interface Cluster { folder: string; data: string; password: string; logFile: string; account: Account; binaries: Binaries }

/** A server that is running, or was a moment ago. */
export interface Postmaster { pid: number; port: number }

/** The superuser of the cluster; the password is random and known to this folder alone. */
export const SUPERUSER = 'hookswitch';

// For an outbox on a small machine that does other work too. A commit is a promise to a tenant, so it is on disk before it is answered.
// The outbox's rows live for a second: vacuum looks every 15 s, or the dead ones would pile up. Statements are short: JIT only costs.
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1', unix_socket_directories: '', max_connections: '100', shared_buffers: '128MB', synchronous_commit: 'on',
  autovacuum_naptime: '15s', jit: 'off', timezone: 'UTC', log_timezone: 'UTC', log_checkpoints: 'off',
};

// Nobody rotates it while the server runs, and it says little; checked at every start.
const LOG_BYTES = 10 << 20;

/** Hands `folder` to the user that Postgres runs as, and initialises it unless that was done before. */
export async function prepareCluster(folder: string): Promise<Cluster> {
  const binaries = await findBinaries();
  const data = join(folder, 'data');
  const user = await serverUser(data);
  const password = await own(folder, 0o700, user).then(() => readOrMakePassword(join(folder, 'password'), user)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPERM' && error.code !== 'EACCES') throw error;
    throw new Error(`${folder} belongs to another user: run as that one, or set HOOKSWITCH_DATA_DIR to a folder of your own`, { cause: error });
  });
  const account = await findAccount(user, binaries.initdb, folder);
  const cluster = { folder, data, password, logFile: join(folder, 'postgres.log'), account, binaries };
  await initialise(cluster);
  return cluster;
}

/** What `postmaster.pid` says, if that process lives. A pid that another program has got meanwhile does not count. */
export async function findPostmaster({ data }: Cluster): Promise<Postmaster | undefined> {
  const file = join(data, 'postmaster.pid');
  const [pid, , , port] = (await readFile(file, 'utf8').catch(absent) ?? '').split('\n').map(Number);
  if (!pid || await birthMark(pid) === undefined) return undefined;
  if (await mayServe(pid, await realpath(data))) return { pid, port: port ?? 0 };
  await rm(file); // Postgres itself would refuse to start as long as that other program lives
  return undefined;
}

/** Starts the server on a free port. It is not ready yet when this resolves. */
export async function launchPostmaster({ data, logFile, account, binaries }: Cluster, settings: Readonly<Record<string, string>>): Promise<Postmaster> {
  const port = await freePort();
  if (((await stat(logFile).catch(absent))?.size ?? 0) > LOG_BYTES) await rename(logFile, `${logFile}.previous`);
  const log = await open(logFile, 'a', 0o600);
  try {
    const options = Object.entries({ ...SETTINGS, ...settings, port: String(port) }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = account.launch(binaries.postgres, ['-D', data, ...options], log.fd);
    await once(child, 'spawn');
    child.unref();
    return { pid: child.pid!, port };
  } finally {
    await log.close();
  }
}

/** Stops the server and waits for its end: at once for sessions in hand, but with a checkpoint; without one if that takes over 30 s. */
export async function stopPostmaster({ data, account, binaries }: Cluster): Promise<void> {
  const stop = (mode: string) => account.run(binaries.pg_ctl, ['stop', '-D', data, '-m', mode, '-w', '-t', '30', '-s']);
  await stop('fast').catch(() => stop('immediate'));
}

/** Into a sibling first, then renamed: a process killed in the middle of it leaves nothing that could pass for a cluster. */
async function initialise({ folder, data, account, binaries }: Cluster): Promise<void> {
  const entries = await readdir(folder);
  if (entries.includes('data')) return;
  for (const name of entries.filter((entry) => entry.startsWith('data.'))) {
    await rm(join(folder, name), { recursive: true, force: true }).catch(() => {}); // its initdb may still be writing; next time then
  }
  const unfinished = `${data}.${randomBytes(4).toString('hex')}`;
  await account.run(binaries.initdb, [
    '-D', unfinished, '-U', SUPERUSER, `--pwfile=${join(folder, 'password')}`, '--auth=scram-sha-256',
    '-E', 'UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8',
  ]);
  await rename(unfinished, data);
}

async function readOrMakePassword(file: string, user: Account['user']): Promise<string> {
  const known = (await readFile(file, 'utf8').catch(absent) ?? '').trim();
  if (known !== '') return known;
  const made = randomBytes(32).toString('base64url');
  const unfinished = `${file}.new`;
  await writeFile(unfinished, `${made}\n`, { mode: 0o600, flush: true });
  await own(unfinished, 0o600, user);
  await rename(unfinished, file);
  return made;
}

async function own(path: string, mode: number, user: Account['user']): Promise<void> {
  if (user !== undefined) await chown(path, user.uid, user.gid);
  await chmod(path, mode);
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => { probe.once('error', reject).listen(0, '127.0.0.1', resolve); });
  const { port } = probe.address() as AddressInfo;
  await new Promise<void>((resolve) => { probe.close(() => resolve()); });
  return port;
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

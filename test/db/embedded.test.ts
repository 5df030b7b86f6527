import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { jest } from '@jest/globals';
import pg from 'pg';
import { findAccount, serverUser } from '../../src/db/embedded-account.js';
import { findBinaries } from '../../src/db/embedded-binaries.js';
import { openEmbedded } from '../../src/db/embedded.js';
import { silentLog } from '../support/silent-log.js';

const HOLDER = fileURLToPath(new URL('../support/embedded-holder.mjs', import.meta.url));

jest.setTimeout(120_000);

// A folder made so is closed to everybody but us: when we are root, Postgres's own user cannot pass through it.
let parent: string;
let folder: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  parent = await realpath(await mkdtemp(join(tmpdir(), 'hookswitch-embedded-')));
  folder = join(parent, 'postgres');
});
afterEach(async () => {
  await Promise.all(children.splice(0).map(kill));
  await (await open()).stop(); // and with it whatever a test left running
  await rm(parent, { recursive: true });
});

const open = () => openEmbedded({ folder, log: silentLog });

/** A process of its own that holds the folder. */
function startHolder() {
  const child = spawn(process.execPath, [HOLDER, folder], { stdio: ['pipe', 'pipe', 'inherit'], detached: true, env: { ...process.env, NODE_OPTIONS: '--no-warnings' } });
  children.push(child);
  const opened = once(child.stdout, 'data').then(([line]) => JSON.parse(String(line)) as { url: string; owned: boolean });
  return { child, opened, leave: async () => { const ended = once(child, 'exit'); child.stdin.write('.'); await ended; } };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

const postmasterPid = async () => Number.parseInt(await readFile(join(folder, 'data/postmaster.pid'), 'utf8'), 10);

it('keeps what was committed from one start to the next', async () => {
  const first = await open();
  await query(first.url, 'create table kept as select 7 as n');
  await first.stop();
  await expect(query(first.url, 'select')).rejects.toThrow('ECONNREFUSED');
  const second = await open();
  expect(await query(second.url, 'select n from kept')).toEqual([{ n: 7 }]);
  await second.stop();
});

it('runs Postgres as no root, on the loopback only, with folder and password closed to others', async () => {
  const postgres = await open();
  expect((await stat(`/proc/${await postmasterPid()}`)).uid === 0).toBe(false);
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  expect((await stat(join(folder, 'password'))).mode & 0o777).toBe(0o600);
  expect(await query(postgres.url, `select current_setting('listen_addresses') as at, current_setting('unix_socket_directories') as sockets`))
    .toEqual([{ at: '127.0.0.1', sockets: '' }]);
  await expect(query(postgres.url.replace(/:[^:@]+@/, ':guess@'), 'select')).rejects.toMatchObject({ code: '28P01' });
  await postgres.stop();
});

it('joins the server that a killed process left running, and stops it in the end', async () => {
  const { child, opened } = startHolder();
  const { url } = await opened;
  const pid = await postmasterPid();
  await kill(child);
  const next = await open();
  expect(next).toMatchObject({ url, owned: true });
  expect(await postmasterPid()).toBe(pid);
  await next.stop();
  await expect(query(url, 'select')).rejects.toThrow('ECONNREFUSED');
});

it('recovers when process and server were killed together', async () => {
  const { child, opened } = startHolder();
  await query((await opened).url, 'create table kept as select 7 as n');
  process.kill(await postmasterPid(), 'SIGKILL');
  await kill(child);
  const next = await open();
  expect(next.owned).toBe(true);
  expect(await query(next.url, 'select n from kept')).toEqual([{ n: 7 }]);
  await next.stop();
});

it('gives processes that open a new folder at the same instant one server', async () => {
  const holders = [startHolder(), startHolder(), startHolder()];
  const opened = await Promise.all(holders.map((holder) => holder.opened));
  expect(new Set(opened.map(({ url }) => url)).size).toBe(1);
  expect(opened.filter(({ owned }) => owned)).toHaveLength(1);
  expect((await readdir(folder)).filter((name) => name.startsWith('data'))).toEqual(['data']);
});

it('runs until its last holder leaves, whoever started it', async () => {
  const [first, second] = [startHolder(), startHolder()];
  const { url } = await first.opened;
  await second.opened;
  const third = await open();
  expect(third.owned).toBe(false);
  await first.leave();
  await third.stop();
  await third.stop(); // a second time changes nothing
  expect(await query(url, 'select 1 as n')).toEqual([{ n: 1 }]);
  await second.leave();
  await expect(query(url, 'select')).rejects.toThrow('ECONNREFUSED');
});

it('outlives a Ctrl-C that ends its holder', async () => {
  const { child, opened } = startHolder();
  const { url } = await opened;
  const ended = once(child, 'exit');
  process.kill(-child.pid!, 'SIGINT'); // as a terminal does: to the whole process group
  expect(await ended).toEqual([null, 'SIGINT']);
  expect(await query(url, 'select 1 as n')).toEqual([{ n: 1 }]);
});

it('starts over when it was killed in the middle of initialising', async () => {
  await mkdir(folder);
  const begun = new Promise<void>((resolve) => {
    const watcher = watch(folder, (_event, name) => { if (name?.startsWith('data.')) { watcher.close(); resolve(); } });
  });
  const { child, opened } = startHolder();
  opened.catch(() => {});
  await begun;
  await kill(child);
  expect(await readdir(folder)).not.toContain('data');
  const next = await open();
  expect(await query(next.url, 'select 1 as n')).toEqual([{ n: 1 }]);
  await next.stop();
});

it('is not kept from starting by a pid file whose number another program has now', async () => {
  await (await open()).stop();
  await writeFile(join(folder, 'data/postmaster.pid'), `${process.pid}\n${folder}/data\n0\n5432\n`);
  const next = await open();
  expect(await query(next.url, 'select 1 as n')).toEqual([{ n: 1 }]);
  await next.stop();
});

it('says that a wrong password is the reason, and leaves no server behind', async () => {
  await (await open()).stop();
  const password = await readFile(join(folder, 'password'), 'utf8');
  await writeFile(join(folder, 'password'), 'forgotten');
  await expect(open()).rejects.toThrow('does not let us in');
  await expect(readFile(join(folder, 'data/postmaster.pid'))).rejects.toThrow('ENOENT');
  await writeFile(join(folder, 'password'), password);
});

it('names the folder when Postgres cannot be run in it', async () => {
  await expect(findAccount(await serverUser(parent), join(parent, 'no-such-program'), parent)).rejects.toThrow(new RegExp(`cannot reach ${parent}.*HOOKSWITCH_DATA_DIR`));
});

it('reaches programs that lie in a folder closed to the user it runs as', async () => {
  const { initdb } = await findBinaries();
  await cp(join(dirname(initdb), '..'), join(parent, 'native'), { recursive: true });
  await mkdir(folder);
  await expect(findAccount(await serverUser(parent), join(parent, 'native/bin/initdb'), folder)).resolves.toBeDefined();
});

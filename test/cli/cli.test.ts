import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openEmbedded } from '../../src/db/embedded.js';
import { createPool } from '../../src/db/pool.js';
import { hashToken } from '../../src/http/token.js';
import { newKey, vaultOf } from '../../src/seal.js';
import { createDatabase, createEmptyDatabase, type TestDatabase } from '../support/postgres.js';
import { silentLog } from '../support/silent-log.js';

const BIN = fileURLToPath(new URL('../../bin/hookswitch.js', import.meta.url));
const SECRET = /^whsec_[A-Za-z0-9+/]{43}=$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const NOBODY = '00000000-0000-4000-8000-000000000000';

let database: TestDatabase;
let folder: string;
beforeAll(async () => {
  database = await createDatabase();
  folder = mkdtempSync(join(tmpdir(), 'hookswitch-cli-'));
});
afterAll(async () => {
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => database.pool.query('truncate domain cascade'));

interface Ran { exit: number; stdout: string; stderr: string }

/** Runs the command as a user would: a process of its own, on the test's database unless told otherwise. */
function run(args: string[], env: Record<string, string> = {}): Promise<Ran> {
  const { PATH = '' } = process.env;
  return new Promise((resolve) => {
    execFile(process.execPath, [BIN, ...args], { env: { PATH, DATABASE_URL: database.url, ...env }, cwd: folder }, (error, stdout, stderr) => {
      resolve({ exit: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout, stderr });
    });
  });
}

/** What `--json` printed: one object, on one line, and nothing else. */
async function json(args: string[], env: Record<string, string> = {}): Promise<Record<string, unknown> & { exit: number }> {
  const { exit, stdout, stderr } = await run(['--json', ...args], env);
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^\{[^\n]*\}\n$/);
  return { exit, ...JSON.parse(stdout) as Record<string, unknown> };
}

const error = (code: string, message: string) => ({ error: { code, message: expect.stringContaining(message) as string } });

describe('tenant', () => {
  it('add stores the domain in lower case, and a second time says that it is there', async () => {
    expect(await json(['tenant', 'add', 'ACME.example'])).toEqual({
      exit: 0, created: true, domain_uuid: expect.stringMatching(UUID) as string, domain_name: 'acme.example', enabled: true, created_at: expect.any(String) as string,
    });
    expect(await json(['tenant', 'add', 'acme.EXAMPLE'])).toMatchObject({ exit: 0, created: false });
    expect(await run(['tenant', 'add', 'acme.example'])).toEqual({ exit: 0, stdout: 'acme.example exists already.\n', stderr: '' });
    expect(await json(['tenant', 'list'])).toMatchObject({ exit: 0, data: [{ domain_name: 'acme.example' }] });
  });

  it.each(['', '*', 'a b', 'https://acme.example', 'ann@acme.example', 'acme..example', '-acme', 'a'.repeat(254)])('add refuses %j', async (domain) => {
    expect(await json(['tenant', 'add', '--', domain])).toEqual({ exit: 2, ...error('usage', 'is no domain') });
  });
});

describe('token', () => {
  it('create prints the token once and stores its hash alone', async () => {
    await run(['tenant', 'add', 'acme.example']);
    const created = await json(['token', 'create', '--domain', 'Acme.example', '--label', 'crm', '--expires', '2199-12-31']);
    expect(created).toMatchObject({ exit: 0, label: 'crm', is_admin: false, domain_name: 'acme.example', expires_at: '2200-01-01T00:00:00.000Z' });
    const { rows } = await database.pool.query<{ token_uuid: string; token_sha256: Buffer }>('select * from api_token');
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ token_uuid: created.token_uuid, token_sha256: hashToken(created.token as string) });
    expect(JSON.stringify(await json(['token', 'list']))).not.toContain(created.token as string);
  });

  it('create for a tenant that is unknown says how to add it', async () => {
    expect(await run(['token', 'create', '--domain', 'nobody.example'])).toEqual({
      exit: 3, stdout: '', stderr: 'There is no tenant nobody.example. Add it: hookswitch tenant add nobody.example\n',
    });
    expect(await json(['token', 'create', '--domain', 'nobody.example'])).toEqual({ exit: 3, ...error('not-found', 'hookswitch tenant add nobody.example') });
  });

  it('create, list and revoke agree on an admin token', async () => {
    await database.pool.query('truncate api_token');
    const { token_uuid: id } = await json(['token', 'create', '--admin']);
    expect(await json(['token', 'revoke', id as string])).toEqual({ exit: 0, revoked: true, token_uuid: id });
    expect(await json(['token', 'revoke', id as string])).toMatchObject({ exit: 0 });
    expect(await json(['token', 'list'])).toEqual({
      exit: 0,
      data: [{ token_uuid: id, label: '', is_admin: true, domain_name: null, created_at: expect.any(String) as string, expires_at: null, last_used_at: null, revoked_at: expect.any(String) as string }],
    });
  });

  it.each([NOBODY, 'x', "' or true --"])('revoke of %j finds none', async (id) => {
    expect(await json(['token', 'revoke', id])).toEqual({ exit: 3, ...error('not-found', 'There is no token') });
  });

  it.each([
    [['token', 'create'], 'Say whose token it is'],
    [['token', 'create', '--admin', '--domain', 'a'], 'cannot be used with'],
    [['token', 'create', '--admin', '--expires', 'yesterday'], '--expires must be'],
    [['token', 'create', '--admin', '--label', 'x'.repeat(201)], '--label must have'],
  ])('%j is refused before any database is asked', async (args, message) => {
    expect(await json(args, { DATABASE_URL: 'postgres://127.0.0.1:1/none' })).toEqual({ exit: 2, ...error('usage', message) });
  });
});

describe('subscription', () => {
  const add = (...more: string[]) => ['subscription', 'add', '--domain', 'acme.example', '--event', 'hangup', '--url', 'https://203.0.114.9/calls', ...more];

  it('add, list and remove agree', async () => {
    const { domain_uuid: tenant } = await json(['tenant', 'add', 'acme.example']);
    const { event_domain_uuid: id, ...rest } = await json(add('--key', 'first'));
    expect(rest).toEqual({ exit: 0, created: true, secret: expect.stringMatching(SECRET) as string });
    expect(await json(add('--key', 'second'))).toEqual({ ...rest, event_domain_uuid: id });
    const listed = [{ event_domain_uuid: id, domain_uuid: tenant, domain_name: 'acme.example', event_name: 'hangup', callback_url: 'https://203.0.114.9/calls', callback_apikey: 'second' }];
    expect(await json(['subscription', 'list'])).toEqual({ exit: 0, data: listed });
    expect(await json(['subscription', 'list', '--domain', 'ACME.example'])).toEqual({ exit: 0, data: listed });
    expect((await run(['subscription', 'list'])).stdout).not.toContain('second');
    expect(await json(['subscription', 'remove', id as string])).toEqual({ exit: 0, deleted: true, event_domain_uuid: id });
    expect(await json(['subscription', 'remove', id as string])).toEqual({ exit: 3, ...error('not-found', 'There is no subscription') });
  });

  it('secret shows what the webhooks are signed with, and makes another one', async () => {
    await run(['tenant', 'add', 'acme.example']);
    const { event_domain_uuid: id, secret } = await json(add()) as unknown as { event_domain_uuid: string; secret: string };
    expect(await json(['subscription', 'secret', id])).toEqual({ exit: 0, secret, previous_valid_until: null });
    expect(await run(['subscription', 'secret', id])).toEqual({ exit: 0, stdout: `${secret}\n`, stderr: '' });
    const rotated = await json(['subscription', 'secret', id, '--rotate']);
    expect(rotated).toEqual({ exit: 0, secret: expect.stringMatching(SECRET) as string, previous_valid_until: expect.any(String) as string });
    expect(rotated['secret']).not.toBe(secret);
    expect(await json(['subscription', 'secret', id])).toEqual(rotated);
    expect(await json(['subscription', 'secret', id, '--rotate', '--overlap', '0'])).toMatchObject({ exit: 0, previous_valid_until: null });
  });

  it.each([[NOBODY], ['x'], ["' or true --"]])('secret of %j finds none', async (id) => {
    expect(await json(['subscription', 'secret', id])).toEqual({ exit: 3, ...error('not-found', 'There is no subscription') });
  });

  it.each([[['--overlap', '5'], '--overlap goes with --rotate'], [['--rotate', '--overlap', '604801'], '--overlap must be'], [['--rotate', '--overlap', 'day'], '--overlap must be']])(
    'secret refuses %j', async (options, message) => {
      expect(await json(['subscription', 'secret', NOBODY, ...options])).toEqual({ exit: 2, ...error('usage', message) });
    });

  it('add warns of an event that is never delivered', async () => {
    await run(['tenant', 'add', 'acme.example']);
    expect(await json(add('--event', 'hungup'))).toMatchObject({ exit: 0, warning: expect.stringContaining('known are ringing, answered, hangup, cdr, missed, recording') as string });
  });

  it('add keeps to the rules of the API, and says all that is wrong', async () => {
    const refused = await json(add('--url', 'http://127.0.0.1/', '--key', 'a\nb'));
    expect(refused).toMatchObject({ exit: 2, ...error('usage', '--key: ') });
    expect(refused).toMatchObject(error('usage', '--url: '));
    await run(['tenant', 'add', 'acme.example']);
    expect(await json(add('--url', 'http://127.0.0.1/'), { HOOKSWITCH_ALLOW_ADDRESSES: '127.0.0.0/8' })).toMatchObject({ exit: 0 });
  });

  it.each([['add'], ['list']])('%s for a tenant that is unknown', async (command) => {
    expect(await json(command === 'add' ? add() : ['subscription', 'list', '--domain', 'acme.example'])).toEqual({ exit: 3, ...error('not-found', 'hookswitch tenant add acme.example') });
  });
});

describe('key', () => {
  const stored = async () => (await database.pool.query<{ stored: string }>('select callback_apikey as stored from event_domain union all select secret from receiver')).rows.map((row) => row.stored);

  it('new makes one that can be configured', async () => {
    const { key, key_id: id } = await json(['key', 'new']) as unknown as { key: string; key_id: string };
    expect(vaultOf([key]).prefix).toBe(`sealed:1:${id}:`);
    expect((await run(['config'], { HOOKSWITCH_ENCRYPTION_KEYS: key })).stdout).not.toContain(key);
  });

  it('rotate seals everything with the first key, and says so when it cannot', async () => {
    const [old, fresh] = [newKey(), newKey()];
    await run(['tenant', 'add', 'acme.example']);
    const add = (url: string, env = {}) => json(['subscription', 'add', '--domain', 'acme.example', '--event', 'cdr', '--url', url, '--key', 'hunter2'], env);
    await add('https://203.0.114.9/plain');
    await add('https://203.0.114.9/old', { HOOKSWITCH_ENCRYPTION_KEYS: old });
    const rotated = await json(['key', 'rotate'], { HOOKSWITCH_ENCRYPTION_KEYS: `${fresh},${old}` });
    expect(rotated).toEqual({ exit: 0, sealed: 4, key_id: vaultOf([fresh]).prefix!.split(':')[2] });
    expect((await stored()).filter((text) => !text.startsWith(vaultOf([fresh]).prefix!))).toEqual([]);
    expect(await json(['key', 'rotate'], { HOOKSWITCH_ENCRYPTION_KEYS: fresh })).toMatchObject({ exit: 0, sealed: 0 });
    const { data } = await json(['subscription', 'list'], { HOOKSWITCH_ENCRYPTION_KEYS: fresh }) as unknown as { data: { callback_apikey: string }[] };
    expect(data.map((row) => row.callback_apikey)).toEqual(['hunter2', 'hunter2']);
    expect(await json(['key', 'rotate'], { HOOKSWITCH_ENCRYPTION_KEYS: old })).toEqual({ exit: 1, ...error('failure', `4 sealed with key ${rotated['key_id'] as string}, which is not configured`) });
  });

  it('rotate without a key says how to make one', async () => {
    expect(await json(['key', 'rotate'])).toEqual({ exit: 2, ...error('configuration', 'hookswitch key new') });
  });
});

describe('the database', () => {
  it('is brought up to this build by whichever command comes first', async () => {
    const empty = await createEmptyDatabase();
    const env = { DATABASE_URL: empty.url };
    expect(await json(['tenant', 'add', 'acme.example'], env)).toMatchObject({ exit: 0, created: true });
    expect(await json(['migrate'], env)).toEqual({ exit: 0, applied: [] });
    await empty.drop();
  });

  it('that cannot be reached is told without its password', async () => {
    const env = { DATABASE_URL: 'postgres://ann:hunter2@127.0.0.1:1/calls' };
    const { exit, stdout, stderr } = await run(['tenant', 'list'], env);
    expect({ exit, stdout }).toEqual({ exit: 4, stdout: '' });
    expect(stderr).toMatch(/^Postgres at 127\.0\.0\.1:1\/calls .*ECONNREFUSED/);
    expect(stderr).not.toContain('hunter2');
    expect(await json(['tenant', 'list'], env)).toEqual({ exit: 4, ...error('database-unreachable', 'ECONNREFUSED') });
  });

  it('is the embedded one where none is named: started for a command, stopped after it, its data kept', async () => {
    const dataDir = join(folder, 'data');
    const env = { DATABASE_URL: '', HOOKSWITCH_DATA_DIR: dataDir };
    expect(await json(['tenant', 'add', 'acme.example'], env)).toMatchObject({ exit: 0, created: true });
    expect(await json(['tenant', 'add', 'acme.example'], env)).toMatchObject({ exit: 0, created: false });
    const files = readdirSync(dataDir, { recursive: true, encoding: 'utf8' });
    expect(files).toContainEqual(expect.stringMatching(/PG_VERSION$/));
    expect(files.filter((path) => path.endsWith('postmaster.pid'))).toEqual([]);
  }, 180_000);

  it('of a running daemon is used with it and left running', async () => {
    const dataDir = join(folder, 'beside');
    const daemon = await openEmbedded({ folder: join(dataDir, 'postgres'), log: silentLog });
    expect(await json(['tenant', 'add', 'acme.example'], { DATABASE_URL: '', HOOKSWITCH_DATA_DIR: dataDir })).toMatchObject({ exit: 0, created: true });
    const pool = createPool({ url: daemon.url }, silentLog);
    expect((await pool.query('select domain_name from domain')).rows).toEqual([{ domain_name: 'acme.example' }]);
    await pool.end();
    await daemon.stop();
  }, 180_000);
});

describe('the configuration', () => {
  it('that is wrong stops every command with all that is wrong', async () => {
    const env = { HOOKSWITCH_HTTP_PORT: 'x', HOOKSWITCH_SWITCH_PASWORD: 'hunter2' };
    const { exit, stderr } = await run(['run'], env);
    expect(exit).toBe(2);
    expect(stderr).toContain('http.port = "x" (HOOKSWITCH_HTTP_PORT) must be a port');
    expect(stderr).toContain('HOOKSWITCH_SWITCH_PASWORD = **** is not known');
    expect(await json(['tenant', 'list'], env)).toEqual({ exit: 2, ...error('configuration', '2 faults') });
  });

  it('is shown with its sources and without its secrets', async () => {
    const file = join(folder, 'hookswitch.json');
    writeFileSync(file, '{"http": {"port": 9000}}');
    const { data } = await json(['config'], { HOOKSWITCH_CONFIG: file, HOOKSWITCH_SWITCH_PASSWORD: 'hunter2' }) as unknown as { data: unknown[] };
    expect(data).toContainEqual({ key: 'http.port', value: 9000, from: file });
    expect(data).toContainEqual({ key: 'switch.password', value: '****', from: 'HOOKSWITCH_SWITCH_PASSWORD' });
  });

  it('is described key by key', async () => {
    const { exit, stdout } = await run(['config', '--describe']);
    expect(exit).toBe(0);
    expect(stdout).toContain('delivery.retryMs\n    The waits before the second attempt');
    expect(stdout).toContain('    Default: 8080    Variable: HOOKSWITCH_HTTP_PORT\n');
  });
});

describe('the command line', () => {
  it('takes --json after the command as well', async () => {
    expect(JSON.parse((await run(['tenant', 'list', '--json'])).stdout)).toEqual({ data: [] });
  });

  it('says its version', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
    expect(await run(['--version'])).toEqual({ exit: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('survives a reader that goes away', async () => {
    const child = spawn(process.execPath, [BIN, 'config', '--describe'], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.destroy();
    const [exit] = await once(child, 'exit') as [number];
    expect(exit).toBe(0);
  });

  it.each([[[]], [['run']], [['check']], [['simulate']], [['record']], [['demo']], [['migrate']], [['config']], [['tenant', 'add']], [['tenant', 'list']], [['token', 'create']], [['token', 'list']], [['token', 'revoke']],
    [['subscription', 'add']], [['subscription', 'list']], [['subscription', 'remove']]])('helps with %j by an example', async (command) => {
    const { exit, stdout } = await run([...command, '--help']);
    expect(exit).toBe(0);
    expect(stdout).toContain(`Example:\n  hookswitch ${command.join(' ')}`.trimEnd());
  });

  it.each([[['tokn'], 'Did you mean token?'], [['token'], 'A command is missing'], [['tenant', 'add'], "missing required argument 'domain'"],
    [['tenant', 'list', 'x'], 'too many arguments'], [['tenant', 'list', '--jsn'], "unknown option '--jsn'"]])('that is wrong, %j, ends with exit code 2', async (args, message) => {
    expect(await json(args)).toEqual({ exit: 2, ...error('usage', message) });
    const { exit, stdout, stderr } = await run(args);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
    expect(stderr).not.toBe('');
  });
});

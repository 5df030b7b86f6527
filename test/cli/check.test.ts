import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttp, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { REMEDIES } from '../../src/cli/check/finding.js';
import { runCommand } from '../support/command.js';
import { startDaemon, subscribe, type DaemonProcess } from '../support/daemon.js';
import { createDatabase, createEmptyDatabase, type TestDatabase } from '../support/postgres.js';
import { PASSWORD, startSwitch, type TestSwitch } from '../support/switch.js';
import { certificate, key } from '../webhook/certificate.js';
import { startNameServer } from '../webhook/name-server.js';
import { startProxy } from '../webhook/proxy-server.js';

interface Finding { id: string; verdict: string; says: string; todo?: string }

let database: TestDatabase;
let pbx: TestSwitch;
let folder: string;
beforeAll(async () => {
  [database, pbx] = [await createDatabase(), await startSwitch()];
  folder = mkdtempSync(join(tmpdir(), 'hookswitch-check-'));
});
afterAll(async () => {
  await pbx.close();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

const settings = (): Record<string, string> => ({
  DATABASE_URL: database.url, HOOKSWITCH_DATA_DIR: folder, HOOKSWITCH_HTTP_PORT: '0', HOOKSWITCH_ALLOW_ADDRESSES: '127.0.0.0/8', HOOKSWITCH_TIME_ZONE: 'Asia/Ho_Chi_Minh',
  HOOKSWITCH_SWITCH_PORT: String(pbx.port), HOOKSWITCH_SWITCH_PASSWORD: PASSWORD,
});

/** Runs it with `--json`, and the heartbeats of the switch meanwhile, for each who subscribes. */
async function check(args: string[], env: Record<string, string> = {}, beat: () => Promise<void> = () => pbx.replay.heartbeat()) {
  const before = pbx.replay.subscriptions.count;
  let over = false;
  const beating = (async () => { for (let nth = before + 1; ; nth += 1) { await pbx.subscribed(nth); if (over) return; await beat(); } })();
  void beating.catch(() => {});
  const { exit, stdout, stderr } = await runCommand(['check', '--json', ...args], { ...settings(), ...env });
  over = true;
  expect(stderr).toBe('');
  const { passed, findings } = JSON.parse(stdout) as { passed: boolean; findings: Finding[] };
  expect(exit).toBe(passed ? 0 : 1);
  for (const { id, verdict, todo } of findings) expect([id, todo]).toEqual([id, verdict === 'ok' ? undefined : REMEDIES[id as keyof typeof REMEDIES]]);
  return { passed, findings, verdicts: (id: string) => findings.filter((finding) => finding.id === id).map(({ verdict }) => verdict), says: (id: string) => findings.filter((finding) => finding.id === id).map(({ says }) => says).join('\n') };
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;
const listen = (server: Server) => new Promise<Server>((resolve) => { server.listen(0, '127.0.0.1', () => resolve(server)); });

describe('an installation as it should be', () => {
  let daemon: DaemonProcess;
  afterEach(() => daemon.stop('SIGKILL'));

  it('passes, with all that was found, and leaves the switch as it came', async () => {
    const receiver = await listen(createHttp((_request, response) => { response.writeHead(405).end(); }));
    daemon = await startDaemon({ ...settings() });
    await pbx.subscribed(1);
    await subscribe(database.pool, 'a.example.test', `http://localhost:${portOf(receiver)}/hook`);
    const port = new URL(daemon.api).port;
    const { passed, findings, says } = await check(['--url', `http://127.0.0.1:${portOf(receiver)}/hook`], { HOOKSWITCH_HTTP_PORT: port });
    expect(findings.filter(({ verdict, id }) => verdict !== 'ok' && id !== 'url-tls')).toEqual([]);
    expect(passed).toBe(true);
    expect(says('switch-events')).toContain('Core-UUID 3db3e94d-2b68-4759-a17e-09d8c1609f32');
    expect(says('switch-heartbeat')).toContain('one every 20 s');
    expect(says('api-port')).toContain('a daemon is running');
    expect(says('daemon-ready')).toBe('the running daemon is ready');
    expect(says('subscriptions-hosts')).toContain('1');
    expect(says('url-answer')).toContain('only a POST');
    expect([...pbx.replay.clients]).toHaveLength(1); // the daemon's alone
    receiver.close();
  });
});

describe('what is not as it should be', () => {
  it('with switches is told of each, with what to do', async () => {
    const [acl, silent, picky] = [await startSwitch(), await startSwitch(), await startSwitch()];
    acl.behave('acl-rejection');
    silent.behave('silent');
    picky.behave('refuse-subscription');
    const stranger = await listen(createHttp());
    const at = (name: string, port: number, password = PASSWORD) => ({ name, host: '127.0.0.1', port, password });
    const switches = [at('gone', 1), at('acl', acl.port), at('silent', silent.port), at('web', portOf(stranger)), at('locked', pbx.port, 'wrong'), at('picky', picky.port)];
    const { passed, findings } = await check([], { HOOKSWITCH_SWITCHES: JSON.stringify(switches) });
    expect(passed).toBe(false);
    const failures = findings.filter(({ verdict, id }) => verdict === 'failed' && id.startsWith('switch-'));
    expect(failures.map(({ id, says }) => [/"(\w+)"/.exec(says)?.[1], id])).toEqual([
      ['gone', 'switch-reach'], ['acl', 'switch-acl'], ['silent', 'switch-greeting'], ['web', 'switch-greeting'], ['locked', 'switch-password'], ['picky', 'switch-subscription'],
    ]);
    expect(failures[1]?.says).toContain('our address 127.0.0.1');
    expect(JSON.stringify(findings)).not.toContain(PASSWORD);
    await Promise.all([acl.close(), silent.close(), picky.close()]);
    stranger.close();
  });

  it('with the clock of a switch is told, and so is one that says nothing in time', async () => {
    const late = { 'Event-Name': 'HEARTBEAT', 'Event-Date-Timestamp': String((Date.now() - 3_600_000) * 1_000) };
    const { verdicts, says } = await check([], {}, () => pbx.replay.send(late));
    expect(verdicts('switch-clock')).toEqual(['warning']);
    expect(says('switch-clock')).toMatch(/3[56]\d\d\.\d s behind ours/);
    expect(says('switch-heartbeat')).toContain('this release does not say');
    const quiet = await check(['--wait', '0.1'], {}, () => Promise.resolve());
    expect([quiet.passed, quiet.verdicts('switch-events')]).toEqual([true, ['warning']]);
  });

  it('with a database that is away is told without its password', async () => {
    const { findings, verdicts } = await check(['--wait', '0.1'], { DATABASE_URL: 'postgres://ann:hunter2@127.0.0.1:1/calls' });
    expect(verdicts('database-reach')).toEqual(['failed']);
    expect(JSON.stringify(findings)).not.toContain('hunter2');
  });

  it('with a database that is behind or ahead of this build, is small or cannot be written, is told and changed in nothing', async () => {
    const empty = await createEmptyDatabase();
    const behind = await check(['--wait', '0.1'], { DATABASE_URL: empty.url });
    expect([behind.passed, behind.verdicts('database-migrations')]).toEqual([true, ['warning']]);
    expect((await empty.pool.query('select from pg_tables where schemaname = \'public\'')).rowCount).toBe(0);

    const ahead = await createDatabase();
    await ahead.pool.query(`insert into hookswitch_migration (name, run_on) values ('9999_newer', now())`);
    const name = new URL(ahead.url).pathname.slice(1);
    await ahead.pool.query(`alter database ${name} set default_transaction_read_only = on`);
    const found = await check(['--wait', '0.1'], { DATABASE_URL: ahead.url });
    expect([found.verdicts('database-migrations'), found.says('database-migrations')]).toEqual([['failed'], expect.stringContaining('9999_newer')]);
    expect(found.verdicts('database-rights')).toEqual(['failed']);
    await Promise.all([empty.drop(), ahead.drop()]);
  });

  it('with no database of its own yet is not made, and one that was made is looked into and left as it was', async () => {
    const env = { ...settings(), DATABASE_URL: '', HOOKSWITCH_DATA_DIR: join(folder, 'embedded') };
    const { says } = await check(['--wait', '0.1'], env);
    expect(says('database-reach')).toContain('will be made');
    expect(existsSync(join(folder, 'embedded'))).toBe(false);
    expect(await runCommand(['tenant', 'add', 'acme.example'], env)).toMatchObject({ exit: 0 });
    const made = await check(['--wait', '0.1'], env);
    expect([made.verdicts('database-migrations'), made.verdicts('database-rights')]).toEqual([['ok'], ['ok']]);
    expect(existsSync(join(folder, 'embedded/postgres/data/postmaster.pid'))).toBe(false); // started for the moment, and stopped
  });

  it('with receivers is told as a webhook would meet it', async () => {
    const moved = await listen(createHttp((_request, response) => { response.writeHead(301, { location: 'http://127.0.0.1/' }).end(); }));
    const untrusted = await listen(createHttps({ cert: certificate, key }));
    const asked: string[] = [];
    const broken = await listen(createHttp((request, response) => { asked.push(request.method!); response.writeHead(500).end(); }));
    await subscribe(database.pool, 'a.example.test', 'https://nobody.invalid/hook', ['cdr']);
    const closed = await listen(createHttp());
    const nobody = portOf(closed);
    closed.close();
    const urls = ['http://10.0.0.1/', `http://127.0.0.1:${portOf(moved)}/`, `https://127.0.0.1:${portOf(untrusted)}/`, `http://127.0.0.1:${portOf(broken)}/`, `http://127.0.0.1:${nobody}/`, 'https://nobody.invalid/'];
    const { findings, verdicts, says } = await check(['--wait', '0.1', ...urls.flatMap((url) => ['--url', url])]);
    const told = findings.filter(({ id, verdict }) => id.startsWith('url-') && verdict !== 'ok' && !(id === 'url-tls' && verdict === 'warning'));
    expect(told.map(({ id, verdict }) => [id, verdict])).toEqual([
      ['url-allowed', 'failed'], ['url-answer', 'failed'], ['url-tls', 'failed'], ['url-answer', 'warning'], ['url-reach', 'failed'], ['url-dns', 'failed'],
    ]);
    expect(asked).toEqual(['HEAD']);
    expect([verdicts('subscriptions-hosts'), says('subscriptions-hosts')]).toEqual([['warning'], expect.stringContaining('nobody.invalid')]);
    for (const server of [moved, untrusted, broken]) server.close();
    await database.pool.query(`delete from event_domain where callback_url like '%.invalid/%'`);
  });

  it('with receivers is found on the ways that the daemon goes: its name servers, its authorities, its proxy', async () => {
    const pem = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), 'utf8');
    const receiver = await listen(createHttps({ cert: pem('receiver.pem'), key: pem('receiver.key') }, (_request, response) => { response.writeHead(204).end(); }));
    const names = await startNameServer({ 'hook.test': ['127.0.0.1'] });
    const proxy = await startProxy({ hosts: { 'hook.test': '127.0.0.1' } });
    const strict = await startProxy({ instead: 'HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n' });
    const url = `https://hook.test:${portOf(receiver)}/`;
    const ways = { HOOKSWITCH_DNS_SERVERS: names.at, HOOKSWITCH_CA_FILE: new URL('../fixtures/tls/authority.pem', import.meta.url).pathname };
    const told = async (env: Record<string, string>) => {
      const { findings } = await check(['--wait', '0.1', '--url', url], { ...ways, ...env });
      return findings.filter(({ id }) => id.startsWith('url-')).map(({ id, verdict, says }) => `${verdict} ${id}${says.replace(url, '').replace(/\d{4}-.*/, '…')}`);
    };
    const reached = ['ok url-allowed: webhooks may go there', 'ok url-dns: its name is 127.0.0.1'];
    const answered = ['ok url-tls: its certificate is trusted, until …', 'ok url-answer: answers a HEAD with 204'];
    expect(await told({})).toEqual([...reached, 'ok url-reach: connected to 127.0.0.1', ...answered]);
    expect(await told({ HOOKSWITCH_PROXY_URL: proxy.url() })).toEqual([...reached, 'ok url-reach: connected to the proxy', ...answered]);
    expect(proxy.requests).toEqual([expect.stringContaining(`CONNECT hook.test:${portOf(receiver)}`)]);
    expect(await told({ HOOKSWITCH_PROXY_URL: strict.url() })).toEqual([...reached, 'failed url-reach: cannot be connected to through the proxy: PROXY_403']);
    expect(await told({ HOOKSWITCH_PROXY_URL: strict.url(), HOOKSWITCH_NO_PROXY: 'hook.test' })).toEqual([...reached, 'ok url-reach: connected to 127.0.0.1', ...answered]);
    expect(await told({ HOOKSWITCH_SWITCH_HOST: '127.0.0.1', HOOKSWITCH_SWITCH_PORT: String(portOf(receiver)) })).toEqual([`failed url-allowed: no webhook may go there: 127.0.0.1 belongs to this service itself`]);
    const broken = await check(['--wait', '0.1'], { HOOKSWITCH_CA_FILE: join(folder, 'nothing.pem') });
    expect([broken.verdicts('config-valid'), broken.says('config-valid')]).toEqual([['failed'], expect.stringContaining('nothing.pem cannot be read')]);
    await Promise.all([names.close(), proxy.close(), strict.close()]);
    receiver.closeAllConnections();
    receiver.close();
  });

  it('with the port of the API and the configuration is told to people in plain text', async () => {
    const other = await listen(createHttp());
    const { exit, stdout } = await runCommand(['check', '--wait', '0.1'], { ...settings(), HOOKSWITCH_HTTP_PORT: String(portOf(other)) });
    expect(exit).toBe(1);
    expect(stdout).toContain('FAIL api-port');
    expect(stdout).toContain(`     to do: ${REMEDIES['api-port']}\n`);
    expect(stdout).toMatch(/\n\d+ well, \d+ to look at, 1 failed\.\n$/);
    expect(stdout).toMatch(/^[\x20-\x7e\n]*$/);
    other.close();
    const wrong = await runCommand(['check'], { ...settings(), HOOKSWITCH_TIME_ZONE: 'Mars', HOOKSWITCH_HTTP_PORT: 'x' });
    expect([wrong.exit, wrong.stdout]).toEqual([1, expect.stringMatching(/^FAIL config-valid.*\n.*timeZone.*\n.*http\.port/)]);
  });

  it.each(['-1', 'soon'])('--wait %s is refused', async (wait) => {
    expect(await runCommand(['check', `--wait=${wait}`], settings())).toMatchObject({ exit: 2, stderr: expect.stringContaining('--wait must be') as string });
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findDomain } from '../../src/db/tenants.js';
import { insertToken } from '../../src/db/tokens.js';
import { hashToken, newToken } from '../../src/http/token.js';
import { EVENTS } from '../../src/esl/link.js';
import { newCall, start, type NewCall } from '../flow/flow.js';
import { runCommand, startCommand, type RunningCommand } from '../support/command.js';

let flow: Awaited<ReturnType<typeof start>>;
let folder: string;
const tails: RunningCommand[] = [];
beforeAll(async () => {
  flow = await start();
  folder = mkdtempSync(join(tmpdir(), 'hookswitch-tail-'));
});
afterEach(async () => { for (const each of tails.splice(0)) await each.kill(); });
afterAll(async () => {
  await flow.stop();
  rmSync(folder, { recursive: true });
});

async function tokenFor(domain?: string): Promise<string> {
  const token = newToken();
  const domainId = domain === undefined ? null : (await findDomain(flow.database.pool, domain))!.id;
  await insertToken(flow.database.pool, { sha256: hashToken(token), label: 'tail', domainId, expiresAt: null });
  return token;
}

/** A `tail` that listens. */
async function tail(token: string, args: string[], { api = flow.daemon.api, json = true } = {}): Promise<RunningCommand> {
  const command = startCommand(['tail', '--api', api, ...(json ? ['--json'] : []), ...args], { HOOKSWITCH_TOKEN: token });
  tails.push(command);
  await command.until(({ stderr }) => stderr.includes('Listening to'));
  return command;
}

const heard = ({ recording }: NewCall) => recording.events.filter(({ name }) => (EVENTS as readonly string[]).includes(name)).length;

const of = (command: RunningCommand, kind: string) => command.lines().filter((line) => line['kind'] === kind);

it('shows an admin what the switch said, what happened and what was sent, and a tenant what is its own', async () => {
  const [admin, tenant] = [await tail(await tokenFor(), []), await tail(await tokenFor('b.example.test'), [])];
  const [call, other] = [await newCall('calls/06-inbound-ext-answered'), await newCall('calls/25-two-tenants-at-once')];
  await flow.pbx.replay.play(call.recording, { pace: 'full' });
  await admin.until(() => of(admin, 'delivery').length === 4);
  expect(of(admin, 'event')).toHaveLength(heard(call));
  const [flowId] = Object.keys(call.expected);
  expect(of(admin, 'notice').map(({ state, domain, flow_id, call_id, deliveries }) => ({ state, domain, flow_id, call_id, deliveries }))).toEqual(
    ['ringing', 'answered', 'hangup', 'cdr'].map((state) => ({ state, domain: 'a.example.test', flow_id: flowId, call_id: flowId, deliveries: 1 })));
  expect(of(admin, 'delivery')[0]).toMatchObject({ event: 'ringing', url: flow.receiver.url, attempt: 1, outcome: 'delivered', status: 200, reason: null, ms: expect.any(Number) as number, call_id: flowId });

  await flow.pbx.replay.play(other.recording, { pace: 'full' });
  await admin.until(() => of(admin, 'delivery').length === 12);
  await tenant.until(() => of(tenant, 'delivery').length === 4);
  expect(new Set(tenant.lines().map(({ kind, domain }) => `${String(kind)} ${String(domain)}`))).toEqual(new Set(['notice b.example.test', 'delivery b.example.test']));
});

it('shows one call by any of its ids, one number, one kind', async () => {
  const [call, other] = [await newCall('calls/09-ringgroup-simultaneous'), await newCall('calls/01-outbound-caller-hangup')];
  const [flowId] = Object.keys(call.expected);
  const token = await tokenFor();
  const [byCall, byNumber] = [await tail(token, ['--call', flowId!]), await tail(token, ['--number', Object.values(other.expected)[0]![0]!.to_number, '--kind', 'notice'])];
  await flow.pbx.replay.play(call.recording, { pace: 'full' });
  await flow.pbx.replay.play(other.recording, { pace: 'full' });
  const count = Object.values(call.expected).flat().length;
  await byCall.until(() => of(byCall, 'delivery').length === count);
  expect(of(byCall, 'notice')).toHaveLength(count);
  expect(of(byCall, 'event')).toHaveLength(heard(call));
  await byNumber.until(() => byNumber.lines().length === 4);
  expect(byNumber.lines().map(({ kind, state }) => [kind, state])).toEqual([['notice', 'ringing'], ['notice', 'answered'], ['notice', 'hangup'], ['notice', 'cdr']]);
});

it('shows people a line each, takes the token from a file, and listens again when the daemon is back', async () => {
  const file = join(folder, 'token');
  writeFileSync(file, `${await tokenFor()}\n`);
  const command = await tail('', ['--token-file', file, '--kind', 'notice,delivery'], { json: false });
  const before = command.said.stderr.length;
  const { port } = new URL(flow.daemon.api);
  expect(await flow.daemon.stop()).toBe(0); // it does not wait for its listeners
  await command.until(({ stderr }) => stderr.slice(before).includes('trying again'));
  await flow.restart({ HOOKSWITCH_HTTP_PORT: port });
  await command.until(({ stderr }) => stderr.slice(before).includes('Listening to'));
  const call = await newCall('calls/06-inbound-ext-answered');
  await flow.pbx.replay.play(call.recording, { pace: 'full' });
  await command.until(({ stdout }) => (stdout.match(/delivered/g) ?? []).length === 4);
  expect(command.said.stdout).toMatch(/^\d\d:\d\d:\d\d\.\d{3} notice {2}a\.example\.test {2}ringing {3}inbound {2}0912345678 > 1001 {2}call /m);
  expect(command.said.stdout).toMatch(/ delivery {2}a\.example\.test {2}cdr {7}delivered {2}200 {2}\d+ ms {2}attempt 1 {2}http:/);
  expect(command.said.stdout).not.toContain('\u001b');
  command.signal('SIGINT');
  expect(await command.exited).toBe(0);
});

it.each([
  [[], { HOOKSWITCH_TOKEN: '' }, 2, 'No token: set HOOKSWITCH_TOKEN'], [['--token-file', '/nowhere/token'], {}, 2, 'cannot be read: ENOENT'], [['--api', 'ftp://x'], {}, 2, '--api must be an http'],
  [[], { HOOKSWITCH_TOKEN: `hsk_${'x'.repeat(43)}` }, 1, 'does not know this token'],
])('%j with %j is refused', async (args, env, exit, message) => {
  expect(await runCommand(['tail', '--api', flow.daemon.api, ...args], { HOOKSWITCH_TOKEN: 'x', ...env })).toEqual({ exit, stdout: '', stderr: expect.stringContaining(message) as string });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Payload } from '../../src/calls/notice.js';
import { runCommand, startCommand, type RunningCommand } from '../support/command.js';
import { startDaemon, subscribe, type DaemonProcess } from '../support/daemon.js';
import { FIXTURES } from '../support/goldens.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { startReceiver, type Receiver } from '../support/receiver.js';

const DOMAINS = ['sim-a.example', 'sim-b.example'];

let database: TestDatabase;
let receiver: Receiver;
let simulator: RunningCommand | undefined;
let daemon: DaemonProcess | undefined;
beforeAll(async () => {
  [database, receiver] = [await createDatabase(), await startReceiver()];
  for (const domain of DOMAINS) await subscribe(database.pool, domain, receiver.url);
});
afterEach(async () => {
  await simulator?.kill();
  await daemon?.stop('SIGKILL');
});
afterAll(async () => {
  await receiver.close();
  await database.drop();
});

/** A simulated switch and where it listens. */
async function simulate(...args: string[]): Promise<{ port: number }> {
  simulator = startCommand(['--json', 'simulate', '--listen', '127.0.0.1:0', '--password', 'secret-word', ...args]);
  await simulator.until(({ stdout }) => stdout.includes('\n'));
  return (simulator.lines()[0] as { listening: { port: number } }).listening;
}

async function listenTo({ port }: { port: number }): Promise<void> {
  daemon = await startDaemon({ DATABASE_URL: database.url, HOOKSWITCH_SWITCH_PORT: String(port), HOOKSWITCH_SWITCH_PASSWORD: 'secret-word' });
}

it('is a switch whose calls become webhooks: new ones each time, at the present time, of the domains that it is given', async () => {
  const calls = 12;
  await listenTo(await simulate('--calls', String(calls), '--rate', '20', '--speed', '10', '--builtin', '06-inbound-ext-answered', '--file', join(FIXTURES, 'calls/01-outbound-caller-hangup.esl.gz'), '--seed', 's', '--domain', ...DOMAINS));
  await receiver.received(4 * calls);
  expect(await simulator!.exited).toBe(0);
  const payloads = receiver.posts.map(({ body }) => JSON.parse(body) as Payload);
  const byCall = new Map<string, Payload[]>();
  for (const payload of payloads) byCall.set(payload.call_id, [...(byCall.get(payload.call_id) ?? []), payload]);
  expect([...byCall.values()].map((all) => all.map(({ state }) => state))).toEqual(Array.from({ length: calls }, () => ['ringing', 'answered', 'hangup', 'cdr']));
  expect(new Set(payloads.map(({ domain }) => domain))).toEqual(new Set(DOMAINS));
  expect(new Set(payloads.map(({ direction }) => direction))).toEqual(new Set(['inbound', 'outbound']));
  const outside = payloads.map(({ direction, from_number, to_number }) => (direction === 'inbound' ? from_number : to_number));
  expect(new Set(outside).size).toBe(calls);
  for (const { time_started } of payloads) expect(Math.abs(Date.parse(`${time_started.replace(' ', 'T')}Z`) - Date.now())).toBeLessThan(120_000);
  const lines = simulator!.lines();
  expect(lines.at(-1)).toMatchObject({ begun: calls, ended: calls, seed: 's' });
  expect(lines.slice(1, -1).every((line) => ['begun', 'ended', 'listeners', 'events'].every((name) => typeof line[name] === 'number'))).toBe(true);
});

it('goes on without end until Ctrl-C, and then says what it did', async () => {
  await listenTo(await simulate('--forever', '--rate', '50', '--speed', '100', '--builtin', '15-local-call'));
  await simulator!.until(() => Number(simulator!.lines().at(-1)?.['ended'] ?? 0) > 5);
  simulator!.signal('SIGINT');
  expect(await simulator!.exited).toBe(0);
  expect(simulator!.lines().at(-1)).toMatchObject({ listeners: 1, seed: expect.stringMatching(/^[0-9a-f]{12}$/) as string });
});

it.each([
  [['--builtin', 'nothing'], 2, 'There is no recording "nothing"; there are 01-outbound-caller-hangup'], [['--rate', '0'], 2, '--rate must be'], [['--calls', '1.5'], 2, '--calls must be a whole number'],
  [['--listen', '8021'], 2, '--listen must be host:port'], [['--calls', '1', '--forever'], 2, 'cannot be used with'], [['--domain', 'a b'], 2, 'is no domain'],
  [['--file', 'nowhere.esl'], 1, 'nowhere.esl is no recording of a switch'], [['--builtin', '31-connect-midcall'], 1, 'No call to play'],
])('%j is refused', async (args, exit, message) => {
  expect(await runCommand(['simulate', ...args])).toEqual({ exit, stdout: '', stderr: expect.stringContaining(message) as string });
});

it('says so where its port is taken, or a file is none of its kind', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  expect(await runCommand(['simulate', '--listen', `127.0.0.1:${(other.address() as AddressInfo).port}`])).toMatchObject({ exit: 1, stderr: expect.stringContaining('EADDRINUSE') as string });
  other.close();
  const folder = mkdtempSync(join(tmpdir(), 'hookswitch-simulate-'));
  writeFileSync(join(folder, 'x'), 'hello\n\n');
  expect(await runCommand(['simulate', '--file', join(folder, 'x')])).toMatchObject({ exit: 1, stderr: expect.stringContaining('A recording must be whole: garbage') as string });
  rmSync(folder, { recursive: true });
});

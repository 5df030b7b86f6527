import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Payload } from '../../src/calls/notice.js';
import { readRecording, type Recording } from '../../src/esl/recording.js';
import { eventFrame } from '../../src/esl/wire.js';
import { renew } from '../../src/esl/renew.js';
import { countOf, expectedOf, received, start, type NewCall } from '../flow/flow.js';
import { runCommand, startCommand } from '../support/command.js';
import { goldensOf } from '../support/goldens.js';
import { numbersBetween, withNumbers } from '../support/masked.js';
import { fixtureRecording } from '../support/recording.js';
import { PASSWORD, startSwitch, type TestSwitch } from '../support/switch.js';

const CALLS = ['calls/06-inbound-ext-answered', 'calls/12-callcenter-queue', 'calls/20-recorded-inbound', 'calls/21b-invalid-utf8-callerid', 'calls/29-hangup-complete-with-xml'];

let folder: string;
let pbx: TestSwitch;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hookswitch-record-'));
  pbx = await startSwitch();
});
afterAll(async () => {
  await pbx.close();
  rmSync(folder, { recursive: true, force: true });
});

const env = () => ({ HOOKSWITCH_SWITCH_HOST: '127.0.0.1', HOOKSWITCH_SWITCH_PORT: String(pbx.port), HOOKSWITCH_SWITCH_PASSWORD: PASSWORD });

/** Records while these are played over TCP, until Ctrl-C. */
async function record(file: string, recordings: readonly Recording[], ...args: string[]): Promise<void> {
  const before = pbx.replay.subscriptions.count;
  const recorder = startCommand(['record', '--out', file, ...args], env());
  await pbx.subscribed(before + 1);
  for (const recording of recordings) await pbx.replay.play(recording, { pace: 'full' });
  await pbx.sent();
  await recorder.until(({ stderr }) => stderr.includes('Recording switch into'));
  const client = [...pbx.replay.clients][0]!;
  const closed = new Promise<void>((resolve) => { client.socket.once('close', () => resolve()); });
  await pbx.replay.send({ 'Event-Name': 'HEARTBEAT', 'Session-Count': '0' });
  recorder.signal('SIGINT');
  expect([await recorder.exited, recorder.said.stderr.split('\n').length]).toEqual([0, 2]);
  await closed;
  expect(client.received).toMatch(/exit\n\n$/); // it has logged out
}

/** What was recorded as new calls, and what their tenants must receive. */
async function newCalls(recording: Recording, names: readonly string[]): Promise<{ recording: Recording; calls: NewCall[] }> {
  const renewed = renew(recording);
  const calls = await Promise.all(names.map(async (name) => {
    const expected: Record<string, Payload[]> = {};
    for (const { flow, payload } of await goldensOf(name)) {
      const text = [...renewed.uuids].reduce((body, [old, fresh]) => body.replaceAll(old, fresh), JSON.stringify(payload));
      (expected[renewed.uuids.get(flow)!] ??= []).push(JSON.parse(text) as Payload);
    }
    return { recording, expected };
  }));
  const callEvents = renewed.recording.events.filter(({ name }) => name !== 'HEARTBEAT');
  return { recording: { events: callEvents }, calls };
}

describe('a recording', () => {
  let flow: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => { flow = await start(); });
  afterAll(() => flow.stop());

  it('of a switch, played again, becomes the webhooks of its calls', async () => {
    const file = join(folder, 'plain.esl.gz');
    await record(file, await Promise.all(CALLS.map(fixtureRecording)));
    const recorded = await readRecording(file);
    const { recording, calls } = await newCalls(recorded, CALLS);
    const before = flow.receiver.posts.length;
    await flow.pbx.replay.play(recording, { pace: 'full' });
    await flow.receiver.received(before + countOf(calls));
    expect(received(flow.receiver.posts.slice(before), calls)).toEqual(expectedOf(calls));
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('with its numbers masked becomes the same webhooks with other numbers, and has none of its own', async () => {
    const file = join(folder, 'masked.esl');
    await record(file, await Promise.all(CALLS.map(fixtureRecording)), '--mask-numbers');
    const bytes = readFileSync(file);
    const { recording, calls } = await newCalls(await readRecording(file), CALLS);
    const before = flow.receiver.posts.length;
    await flow.pbx.replay.play(recording, { pace: 'full' });
    await flow.receiver.received(before + countOf(calls));
    const [got, expected] = [received(flow.receiver.posts.slice(before), calls), expectedOf(calls)];
    expect(Object.keys(got).sort()).toEqual(Object.keys(expected).sort());
    for (const [flowId, payloads] of Object.entries(expected)) {
      const others = numbersBetween(payloads, got[flowId]!);
      expect(got[flowId]).toEqual(payloads.map((payload) => withNumbers(payload, others)));
      for (const number of others.keys()) if (number.length >= 7) expect(bytes.includes(number)).toBe(false);
    }
  });
});

it('has no secret of the switch or its phones, whatever it is asked for', async () => {
  const file = join(folder, 'secrets.esl.gz');
  const [call] = (await fixtureRecording('calls/06-inbound-ext-answered')).events;
  const secrets = { variable_sip_auth_password: 'geheim-1', 'variable_sip_h_Authorization': 'Digest response="geheim-2"', variable_sip_contact_params: 'pn-prid=geheim-3', _body: '{"api_key":"geheim-4"}', 'Content-Length': '22' };
  const body = JSON.stringify({ ...JSON.parse(call!.frame.toString('latin1', call!.frame.indexOf('\n\n') + 2)) as object, ...secrets });
  await record(file, [{ events: [{ ...call!, frame: eventFrame(body) }] }], '--events', 'all');
  const text = gunzipSync(readFileSync(file)).toString();
  expect(text).not.toContain('geheim');
  expect(text).not.toContain(PASSWORD);
  expect(text).toContain('"variable_sip_auth_password":"****"');
  expect(text).toContain('"_body":"{\\"api_key\\":\\"****\\"}"');
  expect(text).toContain('"Content-Length":"18"');
});

it('ends by itself after the time that it is given, and says what it has', async () => {
  const file = join(folder, 'short.esl');
  const recorder = startCommand(['--json', 'record', '--out', file, '--seconds', '1', '--switch', 'switch'], env());
  await pbx.subscribed();
  await pbx.replay.play(await fixtureRecording('calls/06-inbound-ext-answered'), { pace: 'full' });
  expect(await recorder.exited).toBe(0);
  const { events } = await readRecording(file);
  expect(recorder.lines()).toEqual([{ events: events.length, bytes: events.reduce((sum, { frame }) => sum + frame.length, 0), malformed: 0, file }]);
});

it.each([
  ['that cannot be made', () => ['--out', join(folder, 'none', 'x.esl')], {}, 2, 'cannot be made: ENOENT'],
  ['of a switch that is not configured', () => ['--out', join(folder, 'a.esl'), '--switch', 'nowhere'], {}, 2, '--switch must name one of the configured switches: switch'],
  ['for no time', () => ['--out', join(folder, 'b.esl'), '--seconds', '0'], {}, 2, '--seconds must be'],
  ['of a switch that refuses us', () => ['--out', join(folder, 'c.esl')], { HOOKSWITCH_SWITCH_PASSWORD: 'wrong' }, 1, 'wrong-password; set the password'],
])('is not made %s', async (_what, args, more, exit, message) => {
  expect(await runCommand(['record', ...args()], { ...env(), ...more })).toEqual({ exit, stdout: '', stderr: expect.stringContaining(message) as string });
});

it('never takes the place of a file that is there', async () => {
  const file = join(folder, 'once.esl');
  await record(file, [await fixtureRecording('calls/15-local-call')]);
  const bytes = readFileSync(file);
  expect(await runCommand(['record', '--out', file], env())).toMatchObject({ exit: 2, stderr: expect.stringContaining('EEXIST') as string });
  expect(readFileSync(file).equals(bytes)).toBe(true);
});

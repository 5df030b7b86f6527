import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NOTICE_STATES, type Payload } from '../../src/calls/notice.js';
import { eventFrame } from '../../src/esl/wire.js';
import { startDaemon, subscribe, type DaemonProcess } from '../support/daemon.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { startReceiver, type Receiver } from '../support/receiver.js';
import { startSwitch, type TestSwitch } from '../support/switch.js';
import { newCall, type NewCall } from './flow.js';

const THEIRS = '/var/lib/fs/recordings';
let folder: string;
let database: TestDatabase;
let receiver: Receiver;
let pbx: TestSwitch;
let daemon: DaemonProcess;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'extras-'));
  [database, receiver, pbx] = [await createDatabase(), await startReceiver(), await startSwitch()];
  await subscribe(database.pool, 'a.example.test', receiver.url, NOTICE_STATES);
  await subscribe(database.pool, 'b.example.test', receiver.url, NOTICE_STATES);
  await database.pool.query(`update event_domain set payload_format = 'v2' from domain d where d.domain_uuid = event_domain.domain_uuid and d.domain_name = 'b.example.test'`);
  await writeFile(join(folder, 'more.json'), JSON.stringify({ payload: { variables: ['domain_name'] } }));
  daemon = await startDaemon({
    DATABASE_URL: database.url, HOOKSWITCH_SWITCH_PORT: String(pbx.port), HOOKSWITCH_NAME: 'extras', HOOKSWITCH_DATA_DIR: folder, HOOKSWITCH_CONFIG: join(folder, 'more.json'),
    HOOKSWITCH_RECORDING_URL: '', HOOKSWITCH_RECORDINGS_DIRECTORY: join(folder, 'recordings'), HOOKSWITCH_RECORDINGS_PUBLIC_URL: 'https://api.example.test/',
  });
  await pbx.subscribed(1);
});
afterAll(async () => {
  await daemon.stop('SIGKILL');
  await Promise.all([pbx.close(), receiver.close()]);
  await database.drop();
  await rm(folder, { recursive: true });
});

/** The call with its recording where the daemon serves from, and the RECORD_STOP that the recording of it lacks, before its last event but one. */
function recordedHere({ recording: { events } }: NewCall, file: string): NewCall['recording'] {
  const bodyOf = (frame: Buffer) => frame.toString('utf8', frame.indexOf('\n\n') + 2);
  const here = events.map((event) => ({ ...event, frame: eventFrame(bodyOf(event.frame).replaceAll(THEIRS, join(folder, 'recordings'))) }));
  const at = here.findIndex(({ name }) => name === 'CHANNEL_HANGUP_COMPLETE');
  const stop = { ...JSON.parse(bodyOf(here.find(({ name }) => name === 'CHANNEL_HANGUP')!.frame)) as object, 'Event-Name': 'RECORD_STOP', 'Record-File-Path': file, variable_record_ms: '4900' };
  return { events: [...here.slice(0, at), { ...here[at]!, name: 'RECORD_STOP', frame: eventFrame(JSON.stringify(stop)) }, ...here.slice(at)] };
}

const payloads = (from: number) => receiver.posts.slice(from).map(({ body }) => JSON.parse(body) as Payload);

it('tells when the recording is ready, and plays it to whoever has the link', async () => {
  const call = await newCall('calls/20-recorded-inbound');
  const flow = Object.keys(call.expected)[0]!;
  const path = `a.example.test/archive/2026/Nov/22/${flow}.wav`;
  await mkdir(join(folder, 'recordings', path, '..'), { recursive: true });
  await writeFile(join(folder, 'recordings', path), 'what was said');
  await pbx.replay.play(recordedHere(call, join(folder, 'recordings', path)), { pace: 'full' });
  await receiver.received(5);
  const told = payloads(0);
  expect(told.map(({ state }) => state)).toEqual(['ringing', 'answered', 'hangup', 'recording', 'cdr']);
  expect(told[3]).toMatchObject({ recording_seconds: 4, status: 'answered' });
  const { hostname, pathname } = new URL(told[4]!.recording_url!);
  expect(hostname).toBe('api.example.test');
  const played = await fetch(daemon.api + pathname);
  expect([played.status, played.headers.get('content-type'), await played.text()]).toEqual([200, 'audio/wav', 'what was said']);
  expect((await fetch(daemon.api + new URL(told[3]!.recording_url!).pathname)).status).toBe(200);
});

it('writes version 2 for the tenant who wants that, and version 1 for the other', async () => {
  const before = receiver.posts.length;
  const call = await newCall('calls/25-two-tenants-at-once');
  await pbx.replay.play(call.recording, { pace: 'full' });
  await receiver.received(before + 8);
  const expected = Object.values(call.expected).flat();
  const posts = receiver.posts.slice(before).map(({ headers, body }) => ({ headers, body: JSON.parse(body) as Payload | { id: string; sequence: number; type: string; data: Payload } }));
  const v1 = posts.flatMap(({ body }) => ('data' in body ? [] : body));
  const v2 = posts.flatMap(({ headers, body }) => ('data' in body ? [{ headers, body }] : []));
  expect(v1).toEqual(expected.filter(({ domain }) => domain === 'a.example.test'));
  expect(v2.map(({ body }) => body.data)).toMatchObject(expected.filter(({ domain }) => domain === 'b.example.test'));
  expect(v2.map(({ body: { id, sequence, type } }) => [id, String(sequence), type])).toEqual(v2.map(({ headers }) => [headers['webhook-id'], headers['x-hookswitch-sequence'], headers['x-hookswitch-event']]));
  expect(v2.at(-1)?.body.data).toMatchObject({ extension: '1001', answered_by: 'human', hangup_party: 'caller', switch: 'switch', variables: { domain_name: 'b.example.test' } });
});

it('tells of a call that nobody took, just before its cdr', async () => {
  const before = receiver.posts.length;
  const { recording } = await newCall('calls/11b-ivr-abandon');
  await pbx.replay.play(recording, { pace: 'full' });
  await receiver.received(before + 2);
  expect(payloads(before).map(({ state, missed_reason: why, recording_url: url }) => [state, why, url])).toEqual([['missed', 'ivr', undefined], ['cdr', undefined, '']]);
});

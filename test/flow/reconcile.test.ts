import type { Payload } from '../../src/calls/notice.js';
import type { Recording } from '../../src/esl/recording.js';
import { countOf, newCall, received, start } from './flow.js';

let flow: Awaited<ReturnType<typeof start>>;
beforeEach(async () => { flow = await start(); });
afterEach(() => flow.stop());

const part = ({ events }: Recording, from: number, to?: number): Recording => ({ events: events.slice(from, to) });
const heard = (recording: Recording) => flow.pbx.replay.play(recording, { pace: 'full' });
const unheard = (recording: Recording) => flow.pbx.replay.play(recording, { pace: 'full', unheard: true });
/** What the receiver was told: state, and the mark of a webhook that was concluded. */
const told = () => flow.receiver.posts.map(({ body, headers }) => [(JSON.parse(body) as Payload).state, headers['x-hookswitch-synthetic']]);

/** Index of the first event of that name in the recording. */
const first = ({ events }: Recording, name: string) => events.findIndex((event) => event.name === name);

it('says late what happened while the link was lost, and nothing twice', async () => {
  const call = await newCall('calls/06-inbound-ext-answered');
  const answered = first(call.recording, 'CHANNEL_ANSWER');
  const hungUp = first(call.recording, 'CHANNEL_HANGUP');
  await heard(part(call.recording, 0, answered));
  await flow.receiver.received(1);
  flow.pbx.reset();
  await unheard(part(call.recording, answered, hungUp));
  await flow.receiver.received(2);
  await heard(part(call.recording, hungUp));
  await flow.receiver.received(4);
  expect(received(flow.receiver.posts, [call])).toEqual(call.expected);
  expect(told().map(([, synthetic]) => synthetic)).toEqual([undefined, undefined, undefined, undefined]);
});

it('ends a call that ended while the link was lost, and marks it', async () => {
  const call = await newCall('calls/06-inbound-ext-answered');
  const hungUp = first(call.recording, 'CHANNEL_HANGUP');
  await heard(part(call.recording, 0, hungUp));
  await flow.receiver.received(2);
  flow.pbx.reset();
  await unheard(part(call.recording, hungUp));
  await flow.receiver.received(4);
  expect(told()).toEqual([['ringing', undefined], ['answered', undefined], ['hangup', 'reconciled'], ['cdr', 'reconciled']]);
  const cdr = JSON.parse(flow.receiver.posts[3]!.body) as Payload;
  const golden = Object.values(call.expected).flat().at(-1)!;
  expect({ ...cdr, time_ended: '' }).toEqual({ ...golden, time_ended: '' });
  expect(cdr.time_ended >= cdr.time_answered && cdr.time_ended <= golden.time_ended).toBe(true);
});

it('adopts a call that was up before the daemon', async () => {
  const call = await newCall('calls/06-inbound-ext-answered');
  const hungUp = first(call.recording, 'CHANNEL_HANGUP');
  await flow.daemon.stop('SIGKILL');
  await unheard(part(call.recording, 0, hungUp));
  await flow.restart();
  await flow.receiver.received(2);
  await heard(part(call.recording, hungUp));
  await flow.receiver.received(4);
  expect(received(flow.receiver.posts, [call])).toEqual(call.expected);
});

it('knows after a kill -9 what it had announced, and ends what ended meanwhile', async () => {
  const [up, gone] = [await newCall('calls/06-inbound-ext-answered'), await newCall('calls/15-local-call')];
  const hungUp = (name: typeof up) => first(name.recording, 'CHANNEL_HANGUP');
  await heard(part(up.recording, 0, hungUp(up)));
  await heard(part(gone.recording, 0, hungUp(gone)));
  await flow.receiver.received(4);
  await flow.committed();
  await flow.recorded(4 + 1);
  await flow.daemon.stop('SIGKILL');
  await unheard(part(gone.recording, hungUp(gone)));
  await flow.restart();
  await flow.receiver.received(6);
  await heard(part(up.recording, hungUp(up)));
  await flow.receiver.received(8);
  const got = received(flow.receiver.posts, [up, gone]);
  expect(got[Object.keys(up.expected)[0]!]).toEqual(Object.values(up.expected)[0]);
  expect(told().filter(([, synthetic]) => synthetic !== undefined)).toEqual([['hangup', 'reconciled'], ['cdr', 'reconciled']]);
  expect(flow.receiver.posts).toHaveLength(countOf([up, gone]));
});

it('ends all calls of a switch that started anew', async () => {
  const call = await newCall('calls/06-inbound-ext-answered');
  await heard(part(call.recording, 0, first(call.recording, 'CHANNEL_HANGUP')));
  await flow.receiver.received(2);
  await flow.daemon.said('reconciled with the switch');
  await flow.pbx.replay.restart();
  await flow.receiver.received(4);
  expect(told()).toEqual([['ringing', undefined], ['answered', undefined], ['hangup', 'switch_restart'], ['cdr', 'switch_restart']]);
});

it('takes in the ends that an orderly shutdown tells', async () => {
  const call = await newCall('calls/06-inbound-ext-answered');
  await heard(part(call.recording, 0, first(call.recording, 'CHANNEL_HANGUP')));
  await flow.receiver.received(2);
  await flow.pbx.replay.restart({ orderly: true });
  await flow.receiver.received(4);
  expect(told()).toEqual([['ringing', undefined], ['answered', undefined], ['hangup', undefined], ['cdr', undefined]]);
});

import { recordedCalls } from '../support/goldens.js';
import { countOf, expectedOf, newCall, received, start } from './flow.js';

let flow: Awaited<ReturnType<typeof start>>;
beforeEach(async () => { flow = await start(); });
afterEach(() => flow.stop());

it('turns a call on the switch into the tenant\'s webhooks', async () => {
  const { pbx, receiver } = flow;
  const call = await newCall('calls/06-inbound-ext-answered');
  await pbx.replay.play(call.recording, { pace: 'full' });
  await receiver.received(4);
  expect(received(receiver.posts, [call])).toEqual(call.expected);
  expect(receiver.posts.map(({ headers }) => [headers['x-hookswitch-event'], headers['x-hookswitch-sequence'], headers['x-hookswitch-attempt'], headers['content-type']])).toEqual(
    ['ringing', 'answered', 'hangup', 'cdr'].map((event, index) => [event, String(index + 1), '1', 'application/json; charset=utf-8']));
  expect(new Set(receiver.posts.map(({ headers }) => headers['webhook-id'])).size).toBe(4);
  expect(receiver.posts[0]?.headers['user-agent']).toMatch(/^hookswitch\/\d+\.\d+\.\d+$/);
  expect(Number(receiver.posts[0]?.headers['webhook-timestamp'])).toBeGreaterThan(1_700_000_000);
});

it('keeps all recorded calls apart when they happen at once', async () => {
  const { pbx, receiver } = flow;
  const calls = await Promise.all((await recordedCalls()).map(newCall));
  await Promise.all(calls.map(({ recording }) => pbx.replay.play(recording, { pace: 'full' })));
  await receiver.received(countOf(calls));
  expect(received(receiver.posts, calls)).toEqual(expectedOf(calls));
});

it.each([1, 7, 65_536])('reads a call that comes in pieces of %d bytes', async (chunkBytes) => {
  const { pbx, receiver } = flow;
  const call = await newCall('calls/21-unicode-callerid');
  await pbx.replay.play(call.recording, { pace: 'full', chunkBytes });
  await receiver.received(countOf([call]));
  expect(received(receiver.posts, [call])).toEqual(call.expected);
});

it('gives the webhooks of a switch with eight event threads', async () => {
  const { pbx, receiver } = flow;
  const call = await newCall('load/8threads-sip2-10cps');
  await pbx.replay.play(call.recording, { pace: 'full' });
  await receiver.received(countOf([call]));
  const byState = (payloads: unknown[]) => payloads.map((payload) => JSON.stringify(payload)).sort();
  const got = received(receiver.posts, [call]);
  expect(Object.keys(got).sort()).toEqual(Object.keys(call.expected).sort());
  for (const [id, payloads] of Object.entries(call.expected)) expect(byState(got[id]!)).toEqual(byState(payloads));
});

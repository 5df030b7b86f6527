import { CALL_STATES } from '../../src/calls/notice.js';
import { subscribe } from '../support/daemon.js';
import { recordedCalls } from '../support/goldens.js';
import { startReceiver, type Post } from '../support/receiver.js';
import { countOf, expectedOf, newCall, received, start, type NewCall } from './flow.js';

let flow: Awaited<ReturnType<typeof start>>;
afterEach(() => flow.stop());

const QUICK = { HOOKSWITCH_RETRY_MS: Array.from({ length: 300 }, () => 100).join(',') };

/** Many calls of every kind. */
async function burst(times: number): Promise<NewCall[]> {
  const names = await recordedCalls();
  return await Promise.all(Array.from({ length: times }, () => names).flat().map(newCall));
}

const playAll = (calls: readonly NewCall[]) => Promise.all(calls.map(({ recording }) => flow.pbx.replay.play(recording, { pace: 'full' })));

/** Without the repeats, which have the id of the first. */
const unrepeated = (posts: readonly Post[]) => [...new Map([...posts].reverse().map((post) => [post.headers['webhook-id'], post])).values()].reverse();

it('delivers everything committed after a kill -9 in the middle of a burst, in the order of each lane', async () => {
  flow = await start();
  const { receiver, daemon } = flow;
  const calls = await burst(10);
  receiver.otherwise((post) => (receiver.posts.indexOf(post) < 200 ? 200 : 'hang')); // from then on in flight at the kill
  await playAll(calls);
  await receiver.received(208);
  await flow.committed();
  await flow.recorded(200 + 1);
  await daemon.stop('SIGKILL');

  receiver.otherwise(200);
  await flow.restart();
  await receiver.until(() => unrepeated(receiver.posts).length >= countOf(calls));
  expect(received(unrepeated(receiver.posts), calls)).toEqual(expectedOf(calls));
  expect(receiver.posts.length - countOf(calls)).toBeLessThanOrEqual(8); // one URL has eight POSTs in flight at most
});

it('delivers everything in order when the receiver was down', async () => {
  flow = await start(QUICK);
  const { receiver } = flow;
  await receiver.close();
  const calls = await burst(2);
  await playAll(calls);
  await flow.committed();
  const mended = await startReceiver({ port: receiver.port });
  await mended.received(countOf(calls));
  expect(received(mended.posts, calls)).toEqual(expectedOf(calls));
  await mended.close();
});

it('hands back what it holds on SIGTERM, exits 0, and loses nothing', async () => {
  flow = await start({ HOOKSWITCH_DRAIN_MS: '1000' });
  const { receiver, daemon, database } = flow;
  const calls = await burst(3);
  receiver.otherwise('hang');
  await playAll(calls);
  await flow.committed();
  expect(await daemon.stop('SIGTERM')).toBe(0);
  expect((await database.pool.query(`select count(*)::int as leased from delivery where state = 'leased'`)).rows).toEqual([{ leased: 0 }]);

  receiver.otherwise(200);
  await flow.restart();
  await receiver.until(() => unrepeated(receiver.posts).length >= countOf(calls));
  expect(received(unrepeated(receiver.posts), calls)).toEqual(expectedOf(calls));
});

it('finishes what is in flight on SIGTERM', async () => {
  flow = await start();
  const { receiver, daemon, database, pbx } = flow;
  receiver.otherwise('hang');
  const call = await newCall('calls/07c-inbound-ext-unregistered');
  await pbx.replay.play(call.recording, { pace: 'full' });
  await receiver.received(1);
  const exited = daemon.stop('SIGTERM');
  await daemon.said('stopping');
  receiver.releaseHung();
  expect(await exited).toBe(0);
  expect((await database.pool.query('select state from delivery')).rows).toEqual([{ state: 'delivered' }]);
});

it('comes back to a switch that cut the link in the middle of a frame', async () => {
  flow = await start();
  const { pbx, receiver, daemon } = flow;
  const [first] = (await newCall('calls/01-outbound-caller-hangup')).recording.events;
  await pbx.cutAfter(first!.frame, 1_000);
  await pbx.subscribed(2);
  const call = await newCall('calls/06-inbound-ext-answered');
  await pbx.replay.play(call.recording, { pace: 'full' });
  await receiver.received(countOf([call]));
  expect(received(receiver.posts, [call])).toEqual(call.expected);
  expect(daemon.lines.filter(({ message }) => message === 'link to the switch is down')).toHaveLength(1);
});

it('says a wrong password once, with what to do, and lives on', async () => {
  flow = await start();
  const { pbx, daemon } = flow;
  pbx.behave('reject-password');
  pbx.reset();
  const line = await daemon.said('the switch refuses us');
  expect(line).toMatchObject({ level: 'error', remedy: expect.stringContaining('password') as string });
  expect(JSON.stringify(daemon.lines)).not.toContain('a-long-secret');
  const ready = await fetch(`${daemon.api}/readyz`);
  expect([ready.status, (await ready.json() as { checks: { switches: { ready: boolean } } }).checks.switches.ready]).toEqual([503, false]);
  expect((await fetch(`${daemon.api}/healthz`)).status).toBe(200);
});

it('follows a subscription that is changed while calls go on', async () => {
  flow = await start({ HOOKSWITCH_LOG_LEVEL: 'debug' });
  const { pbx, database, receiver, daemon } = flow;
  const other = await startReceiver();
  await database.pool.query('delete from event_domain');
  await daemon.said('directory reloaded', ({ subscriptions }) => subscriptions === 0);
  await subscribe(database.pool, 'a.example.test', other.url, CALL_STATES, 'the-key');
  await daemon.said('directory reloaded', ({ subscriptions }) => subscriptions === 4);
  const call = await newCall('calls/06-inbound-ext-answered');
  await pbx.replay.play(call.recording, { pace: 'full' });
  await other.received(4);
  expect(receiver.posts).toEqual([]);
  expect(other.posts.map(({ headers }) => headers.authorization)).toEqual(Array.from({ length: 4 }, () => 'Bearer the-key'));
  await other.close();
});

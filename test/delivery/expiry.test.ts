import type { NewDelivery } from '../../src/db/outbox.js';
import { systemClock } from '../../src/clock.js';
import { lifeOf } from '../../src/delivery/expiry.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { startReceiver, type Receiver } from '../support/receiver.js';
import { startDeliveries, type Harness, type HarnessOptions } from './harness.js';
import { flowTo, promiseTo } from './promise.js';

const HOUR_MS = 3_600_000;

it.each<[string, object, number | null]>([
  ['what an event has just told lives on from now, whatever the switch\'s clock says', { occurredAt: new Date(0), receivedAtMs: 5_000 }, 6_000],
  ['what it told a while ago, from when it was read', { receivedAtMs: 4_600 }, 5_600],
  ['so does what was concluded later', { occurredAt: new Date(0), receivedAtMs: 5_000, synthetic: 'reconciled' }, 6_000],
  ['and what an earlier process has read', { receivedAtMs: undefined }, 6_000],
  ['an event without a time to live is always news', { event: 'other', receivedAtMs: 5_000 }, null],
])('%s', (_name, rest, expected) => {
  const clock = { ...systemClock, now: () => { throw new Error('nobody may ask for the time of day'); }, monotonicMs: () => 5_000 };
  expect(lifeOf(promiseTo('http://a', 'f', 1, { event: 'ringing', ...rest }), { ringing: 1_000 }, clock)).toEqual({ ttlMs: expected === null ? null : 1_000, expiresAtMs: expected });
});

describe('stale news', () => {
  let db: TestDatabase;
  let receiver: Receiver;
  let running: Harness[];
  beforeAll(async () => { db = await createDatabase(); });
  afterAll(() => db.drop());
  beforeEach(async () => { running = []; receiver = await startReceiver(); await db.pool.query('truncate delivery, daemon'); });
  afterEach(async () => {
    receiver.otherwise(200);
    receiver.releaseHung();
    await Promise.all(running.map(({ stop }) => stop()));
    await receiver.close();
  });

  async function start(options: HarnessOptions): Promise<Harness> {
    const harness = await startDeliveries(db, options);
    running.push(harness);
    return harness;
  }

  const told = (promise: NewDelivery, event: string, rest: Partial<NewDelivery> = {}): NewDelivery => ({ ...promise, event, occurredAt: new Date(), receivedAtMs: performance.now(), ...rest });
  const table = async () => (await db.pool.query('select position, state, attempt, last_reason from delivery order by flow_id, position')).rows as object[];
  const expiredCount = async ({ metrics }: Harness) => (await metrics.settled.get()).values.find(({ labels }) => labels.outcome === 'expired')?.value;

  it('is not sent, is visibly expired, and its lane goes on', async () => {
    const harness = await start({});
    const [ringing, hangup] = flowTo(receiver.url, 'flow', 2) as [NewDelivery, NewDelivery];
    const occurredAt = new Date(Date.now() - HOUR_MS);
    harness.deliveries.add([told(ringing, 'ringing', { occurredAt, receivedAtMs: performance.now() - HOUR_MS })]);
    harness.deliveries.add([told(hangup, 'hangup', { occurredAt, receivedAtMs: performance.now() - HOUR_MS, synthetic: 'reconciled' })]);
    await receiver.received(1);
    await harness.deliveries.idle();
    expect(receiver.posts.map(({ headers }) => headers['x-hookswitch-event'])).toEqual(['hangup']);
    expect(await table()).toEqual([
      { position: 1, state: 'expired', attempt: 0, last_reason: 'expired after 900 s' }, { position: 2, state: 'delivered', attempt: 1, last_reason: null },
    ]);
    expect(await expiredCount(harness)).toBe(1);
  });

  it('ends a retry that would come too late, at its time, and lets the lane go on', async () => {
    const harness = await start({ waitsMs: [HOUR_MS], ttlMs: { ringing: 300 }, pollMs: 20 });
    receiver.answerWith(503);
    const [first, second] = flowTo(receiver.url, 'flow', 2) as [NewDelivery, NewDelivery];
    harness.deliveries.add([told(first, 'ringing'), told(second, 'hangup')]);
    await receiver.received(2);
    await harness.deliveries.idle();
    expect(receiver.posts.map(({ headers }) => headers['x-hookswitch-sequence'])).toEqual(['1', '2']);
    expect(await table()).toMatchObject([{ state: 'expired', attempt: 1, last_reason: 'expired after 0 s: status 503' }, { state: 'delivered' }]);
    expect(await expiredCount(harness)).toBe(1);
  });

  it.each([-1, 1])('is judged by no clock that may be set, here by %i h', async (hours) => {
    let setByMs = 0;
    const clock = { ...systemClock, now: () => new Date(Date.now() + setByMs) };
    const harness = await start({ waitsMs: [1], pollMs: 5, ttlMs: { ringing: 60_000, hangup: 300 }, clock });
    receiver.answerWith(503);
    harness.deliveries.add([told(promiseTo(receiver.url, 'a', 1), 'ringing'), told(promiseTo(receiver.url, 'b', 2, {}), 'hangup', { receivedAtMs: performance.now() - 400 })]);
    setByMs = hours * HOUR_MS;
    await receiver.received(2);
    harness.deliveries.add([told(promiseTo(receiver.url, 'c', 3), 'ringing')]);
    await receiver.received(3);
    await harness.deliveries.idle();
    expect(await table()).toMatchObject([{ state: 'delivered', attempt: 2 }, { state: 'expired', attempt: 0 }, { state: 'delivered', attempt: 1 }]);
  });

  it('that waited for its slot is dropped when its turn comes', async () => {
    let lateMs = 0;
    const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + lateMs };
    const harness = await start({ concurrency: 1, clock, leaseMs: 2 * HOUR_MS });
    receiver.answerWith('hang');
    harness.deliveries.add([told(promiseTo(receiver.url, 'a', 1), 'ringing'), told(promiseTo(receiver.url, 'b', 2), 'ringing')]);
    await receiver.received(1);
    await harness.deliveries.flushed();
    lateMs = HOUR_MS;
    receiver.releaseHung();
    await harness.deliveries.idle();
    expect(receiver.posts).toHaveLength(1);
    expect(await table()).toMatchObject([{ position: 1, state: 'delivered' }, { position: 2, state: 'expired', attempt: 0 }]);
    expect(await expiredCount(harness)).toBe(1);
  });

  it('is ended also where a receiver that never answers keeps all slots', async () => {
    const harness = await start({ concurrency: 1, perUrl: 1, ttlMs: { ringing: 100 }, pollMs: 20 });
    receiver.otherwise('hang');
    harness.deliveries.add([told(promiseTo(receiver.url, 'first', 1), 'hangup')]);
    await receiver.received(1);
    harness.deliveries.add(Array.from({ length: 500 }, (_, index) => told(promiseTo(receiver.url, `flow ${index}`, 1), 'ringing')));
    for (let waiting = 500; waiting > 0;) {
      await harness.deliveries.flushed();
      waiting = (await db.pool.query(`select from delivery where state = 'pending'`)).rowCount!;
    }
    expect(receiver.posts).toHaveLength(1);
  });
});

it('what the switch did not tell itself says so, with every attempt', async () => {
  const db = await createDatabase();
  const receiver = await startReceiver();
  const { deliveries, stop } = await startDeliveries(db, { waitsMs: [1], pollMs: 5 });
  receiver.answerWith(503);
  deliveries.add([promiseTo(receiver.url, 'lost', 1, { synthetic: 'switch_restart' }), promiseTo(receiver.url, 'told', 1)]);
  await receiver.received(3);
  await deliveries.idle();
  const marks = (flow: string) => receiver.posts.filter(({ body }) => body.includes(`"${flow}"`)).map(({ headers }) => headers['x-hookswitch-synthetic']);
  expect([...new Set(marks('lost')), ...new Set(marks('told'))]).toEqual(['switch_restart', undefined]);
  expect(receiver.posts.map(({ headers }) => headers['x-hookswitch-attempt']).sort()).toEqual(['1', '1', '2']);
  await stop();
  await receiver.close();
  await db.drop();
});

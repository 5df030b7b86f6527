import { Webhook } from 'standardwebhooks';
import type { NewDelivery } from '../../src/db/outbox.js';
import { systemClock } from '../../src/clock.js';
import { createPool, type Pool } from '../../src/db/pool.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { startReceiver, type Receiver } from '../support/receiver.js';
import { SECRET } from '../support/signing.js';
import { silentLog } from '../support/silent-log.js';
import { patient, startDeliveries, subscription, type Harness, type HarnessOptions } from './harness.js';
import { flowTo, promiseTo } from './promise.js';

let db: TestDatabase;
let receiver: Receiver;
let running: Harness[];
beforeAll(async () => { db = await createDatabase(); });
afterAll(() => db.drop());
beforeEach(async () => {
  running = [];
  receiver = await startReceiver();
  await db.pool.query('truncate delivery, daemon');
});
afterEach(async () => {
  receiver.otherwise(200);
  receiver.releaseHung();
  await Promise.all(running.map(({ stop }) => stop()));
  await receiver.close();
});

async function start(options: HarnessOptions = {}): Promise<Harness> {
  const harness = await startDeliveries(db, options);
  running.push(harness);
  return harness;
}

const row = async ({ id }: NewDelivery) => (await db.pool.query(
  `select state, attempt, last_status, last_reason from delivery where id = $1`, [id])).rows[0] as object;
const states = async () => Object.fromEntries((await db.pool.query<{ state: string; count: number }>(
  `select state, count(*)::integer as count from delivery group by state`)).rows.map(({ state, count }) => [state, count]));
const singles = (url: string, count: number) => Array.from({ length: count }, (_, index) => promiseTo(url, `flow ${index}`, 1));
const at = (path: string) => `http://127.0.0.1:${receiver.port}${path}`;

describe('a webhook', () => {
  it('that its receiver refuses for good is not sent again', async () => {
    const { deliveries } = await start();
    receiver.answerWith(410);
    const [gone] = singles(receiver.url, 1);
    deliveries.add([gone!]);
    await deliveries.idle();
    expect(receiver.posts).toHaveLength(1);
    expect(await row(gone!)).toEqual({ state: 'abandoned', attempt: 1, last_status: 410, last_reason: 'status 410' });
  });

  it('goes out as promised and is recorded', async () => {
    const { deliveries, metrics } = await start();
    const promise = promiseTo(receiver.url, 'flow', 1, { body: '{"from":"Zoë"}', receivedAtMs: performance.now() });
    deliveries.add([promise]);
    const { headers, body } = await receiver.next();
    expect(body).toBe(promise.body);
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8', 'content-length': '15', 'user-agent': 'hookswitch/test', authorization: 'Bearer s3cret',
      'webhook-id': promise.id, 'x-hookswitch-event': 'call.ringing', 'x-hookswitch-attempt': '1', 'x-hookswitch-sequence': '1',
    });
    expect(new Webhook(SECRET).verify(body, headers as Record<string, string>)).toEqual({ from: 'Zoë' });
    expect(Math.abs(Number(headers['webhook-timestamp']) - Date.now() / 1_000)).toBeLessThan(10);
    await deliveries.idle();
    expect(await row(promise)).toEqual({ state: 'delivered', attempt: 1, last_status: 200, last_reason: null });
    expect((await metrics.settled.get()).values).toMatchObject([{ labels: { outcome: 'delivered' }, value: 1 }]);
  });

  it('carries its key where the configuration says, and none where there is none', async () => {
    const { deliveries } = await start({ deps: {
      headers: { userAgent: 'x', keyHeader: 'x-api-key', keyScheme: '' },
      subscriptionOf: (id) => ({ ...subscription, apiKey: id === subscription.id ? 'bare' : '' }),
    } });
    deliveries.add([promiseTo(receiver.url, 'flow', 1), promiseTo(receiver.url, 'flow', 2, { subscriptionId: '5a000000-0000-4000-8000-000000000002' })]);
    expect((await receiver.next()).headers).toMatchObject({ 'x-api-key': 'bare' });
    const { headers } = await receiver.next();
    expect(headers).not.toHaveProperty('x-api-key');
    expect(headers).not.toHaveProperty('authorization');
  });

  it('is sent again with the same id until it is taken', async () => {
    const { deliveries } = await start({ waitsMs: [1, 1, 1], pollMs: 5 });
    receiver.answerWith(503, 302, 200);
    const promise = promiseTo(receiver.url, 'flow', 1);
    deliveries.add([promise]);
    await receiver.received(3);
    await deliveries.idle();
    expect(receiver.posts.map(({ headers }) => [headers['webhook-id'], headers['x-hookswitch-attempt']])).toEqual([[promise.id, '1'], [promise.id, '2'], [promise.id, '3']]);
    expect(await row(promise)).toEqual({ state: 'delivered', attempt: 3, last_status: 200, last_reason: null });
  });

  it('is given up with its reason when the waits are used up, and the lane moves on', async () => {
    const { deliveries } = await start({ waitsMs: [1], pollMs: 5 });
    receiver.answerWith(500, 404, 200);
    const [first, second] = flowTo(receiver.url, 'flow', 2) as [NewDelivery, NewDelivery];
    deliveries.add([first, second]);
    await receiver.received(3);
    await deliveries.idle();
    expect(await row(first)).toEqual({ state: 'abandoned', attempt: 2, last_status: 404, last_reason: 'status 404' });
    expect(await row(second)).toMatchObject({ state: 'delivered', attempt: 1 });
  });

  it('whose subscription is gone is not sent', async () => {
    const { deliveries } = await start({ deps: { subscriptionOf: () => undefined } });
    const promise = promiseTo(receiver.url, 'flow', 1);
    deliveries.add([promise]);
    await deliveries.idle();
    expect(await row(promise)).toMatchObject({ state: 'abandoned', last_reason: 'unsubscribed' });
    expect(receiver.posts).toEqual([]);
  });

  it('that fails by a fault of ours is retried like any other', async () => {
    let calls = 0;
    const { deliveries } = await start({ pollMs: 5, deps: { subscriptionOf: () => { if (++calls === 2) throw new TypeError('a fault'); return subscription; } } });
    deliveries.add([promiseTo(receiver.url, 'flow', 1)]);
    expect((await receiver.next()).headers['x-hookswitch-attempt']).toBe('2');
  });

  it('promised twice is sent once', async () => {
    const { deliveries } = await start();
    const promises = flowTo(receiver.url, 'flow', 3);
    deliveries.add([...promises, ...promises]);
    await deliveries.idle();
    deliveries.add(promises);
    await deliveries.idle();
    expect(receiver.posts).toHaveLength(3);
  });

  it('that Postgres can never store does not keep the others', async () => {
    const errors: string[] = [];
    const { deliveries } = await start({ log: { debug() {}, info() {}, warn() {}, error: (message) => { errors.push(message); }, child() { return this; } } });
    deliveries.add([...flowTo(receiver.url, 'a', 5), promiseTo(receiver.url, 'b', 1, { callId: 'nul \0' }), ...flowTo(receiver.url, 'c', 5)]);
    await receiver.received(10);
    await deliveries.flushed();
    expect(errors).toEqual(['notice cannot be stored and is dropped']);
    expect(deliveries.buffered()).toBe(0);
  });
});

describe('a lane', () => {
  it('arrives in order, whatever fails on the way', async () => {
    const { deliveries, metrics } = await start({ waitsMs: Array.from({ length: 40 }, () => 2), pollMs: 5, breaker: patient });
    let seed = 7;
    const chance = () => { seed = (seed * 48_271) % 2_147_483_647; return seed / 2_147_483_647; };
    const taken = new Map<string, number[]>();
    receiver.otherwise(({ body }) => {
      const { flow, position } = JSON.parse(body) as { flow: string; position: number };
      const lane = taken.get(flow) ?? [];
      taken.set(flow, lane);
      expect(position).toBe(lane.length + 1); // nothing comes before what is before it was taken
      const luck = chance();
      if (luck < 0.2) return 500;
      if (luck < 0.3) return 'reset';
      lane.push(position);
      return 200;
    });
    const lanes = Array.from({ length: 30 }, (_, index) => flowTo(at(`/${index % 3}`), `flow ${index}`, 6));
    for (let position = 0; position < 6; position += 1) {
      deliveries.add(lanes.map((lane) => lane[position]!));
      await receiver.received(receiver.posts.length + 5);
    }
    await receiver.until(() => [...taken.values()].filter((lane) => lane.length === 6).length === 30);
    await deliveries.idle();
    expect(await states()).toEqual({ delivered: 180 });
    expect((await metrics.lostLeases.get()).values[0]!.value).toBe(0);
  });

  it('does not wait for a retry of another', async () => {
    const { deliveries } = await start({ waitsMs: [3_600_000] });
    receiver.otherwise(({ body }) => body.includes('"a"') ? 500 : 200);
    deliveries.add([...flowTo(receiver.url, 'a', 2), ...flowTo(receiver.url, 'b', 2)]);
    await receiver.received(3);
    await deliveries.idle();
    deliveries.add([promiseTo(receiver.url, 'a', 3), promiseTo(receiver.url, 'b', 3)]);
    await receiver.received(4);
    await deliveries.idle();
    expect(await states()).toEqual({ delivered: 3, pending: 3 });
    expect(await row(promiseTo(receiver.url, 'a', 2))).toMatchObject({ state: 'pending', attempt: 0 });
  });

  it('goes on without its head when that has held it for long enough', async () => {
    const { deliveries } = await start({ waitsMs: [400, 3_600_000], holdMs: 200, pollMs: 20 });
    receiver.otherwise(({ body }) => body.includes('"position":1') ? 500 : 200);
    deliveries.add(flowTo(receiver.url, 'flow', 3));
    await receiver.received(4);
    await deliveries.idle();
    expect(receiver.posts.map(({ headers }) => `${String(headers['x-hookswitch-sequence'])}/${String(headers['x-hookswitch-attempt'])}`)).toEqual(['1/1', '2/1', '3/1', '1/2']);
    expect(await states()).toEqual({ delivered: 2, pending: 1 });
  });
});

describe('the slots', () => {
  it('are all used and never exceeded, in all and for one URL', async () => {
    const { deliveries } = await start({ concurrency: 6, perUrl: 2 });
    receiver.otherwise('hang');
    deliveries.add(Array.from({ length: 200 }, (_, index) => promiseTo(at(`/${index % 5}`), `flow ${index}`, 1)));
    await receiver.received(6);
    receiver.otherwise(200);
    receiver.releaseHung();
    await receiver.received(200);
    await deliveries.idle();
    expect(receiver.mostAtOnce()).toBe(6);
    expect(receiver.mostAtOnce('/0')).toBe(2);
    for (let index = 1; index < 5; index += 1) expect(receiver.mostAtOnce(`/${index}`)).toBeLessThanOrEqual(2);
    expect(await states()).toEqual({ delivered: 200 });
  });

  it('that a slow receiver holds are missed by nobody else', async () => {
    const { deliveries } = await start({ concurrency: 8, perUrl: 2 });
    receiver.otherwise(({ path }) => path === '/slow' ? 'hang' : 200);
    deliveries.add([...singles(at('/slow'), 500), ...singles(at('/fast'), 500)]);
    await receiver.until(() => receiver.posts.filter(({ path }) => path === '/fast').length === 500);
    expect(receiver.posts.filter(({ path }) => path === '/slow')).toHaveLength(2);
  });
});

it('no POST begins while many outcomes wait to be recorded, for a kill would have all of them sent again', async () => {
  const { deliveries, metrics } = await start({ concurrency: 8, perUrl: 8 });
  receiver.otherwise('hang');
  deliveries.add(singles(at('/'), 60));
  await receiver.received(8);
  const other = await db.pool.connect();
  await other.query('begin; lock table delivery in share mode'); // what is written has to wait
  receiver.otherwise(200);
  receiver.releaseHung();
  const busy = async () => (await metrics.slotsBusy.get()).values[0]!.value;
  while (await busy() > 0) await new Promise(setImmediate);
  const before = receiver.posts.length;
  await other.query('commit');
  other.release();
  expect(before).toBeLessThanOrEqual(8 + 8 / 2);
  await receiver.received(60);
  await deliveries.idle();
  expect(await states()).toEqual({ delivered: 60 });
});

describe('outcomes for which POSTs stand still', () => {
  let pool: Pool;
  let settlements: number;
  beforeEach(() => {
    settlements = 0;
    pool = createPool({ url: db.url }, silentLog);
    pool.on('connect', (client) => {
      const query = client.query.bind(client) as (...given: unknown[]) => unknown;
      client.query = ((...given: unknown[]) => {
        if ((given[0] as { text?: string }).text?.startsWith('with result as')) settlements += 1;
        return query(...given);
      }) as typeof client.query;
    });
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map(({ stop }) => stop()));
    await pool.end();
  });

  /** Of eight POSTs, sent twice four at a time while something new waits for a lock. */
  async function sentBehindAnAppend() {
    const { deliveries } = await start({ concurrency: 8, perUrl: 8, deps: { pool } });
    receiver.otherwise('hang');
    deliveries.add(singles(at('/'), 8));
    await receiver.received(8);
    await deliveries.flushed();
    const other = await db.pool.connect();
    await other.query('begin; lock table delivery in share mode');
    deliveries.add(singles(at('/other'), 1));
    receiver.otherwise(200);
    receiver.releaseHung();
    while (settlements < 2) await new Promise(setImmediate);
    return { deliveries, unlock: async () => { await other.query('rollback'); other.release(); } };
  }

  const allIsWell = async () => {
    expect(await states()).toEqual({ delivered: 9 });
    expect(receiver.posts).toHaveLength(9);
  };

  it('are sent behind what is under way', async () => {
    const { deliveries, unlock } = await sentBehindAnAppend();
    await unlock();
    await deliveries.idle();
    await allIsWell();
  });

  it('are sent again when that connection is lost', async () => {
    const { deliveries, unlock } = await sentBehindAnAppend();
    await db.pool.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`);
    await unlock();
    await deliveries.idle();
    expect(settlements).toBeGreaterThan(2);
    await allIsWell();
  });
});

it('what a dead receiver is owed waits in Postgres, not in memory', async () => {
  const { deliveries } = await start({ perUrl: 8 });
  receiver.otherwise(({ path }) => path === '/dead' ? 'hang' : 200);
  deliveries.add(singles(at('/dead'), 20_000));
  await deliveries.flushed();
  const { leased, pending } = await states();
  expect(leased).toBeLessThanOrEqual(16);
  expect(leased! + pending!).toBe(20_000);
  deliveries.add(flowTo(at('/alive'), 'flow', 3));
  await receiver.until(() => receiver.posts.filter(({ path }) => path === '/alive').length === 3);
  expect(await deliveries.backlog()).toBeGreaterThanOrEqual(10_000);
});

describe('stop', () => {
  it('finishes what is in hand and hands back the rest', async () => {
    const { deliveries, stop } = await start({ concurrency: 2 });
    receiver.answerWith('hang', 'hang');
    deliveries.add([...singles(receiver.url, 6), ...flowTo(receiver.url, 'flow 0', 3)]);
    await receiver.received(2);
    await deliveries.flushed();
    const stopped = stop();
    running = [];
    receiver.releaseHung();
    await stopped;
    expect(receiver.posts).toHaveLength(2);
    expect(await states()).toEqual({ delivered: 2, pending: 6 });
    expect((await db.pool.query('select from delivery where attempt > 0 and state = $1', ['pending'])).rowCount).toBe(0);
    expect((await db.pool.query('select from daemon')).rowCount).toBe(0);
  });

  it('in a hurry drops what is in hand, which counts as an attempt, and hands it back too', async () => {
    const { deliveries, stop } = await start();
    receiver.answerWith('hang');
    const promise = promiseTo(receiver.url, 'flow', 1);
    deliveries.add([promise]);
    await receiver.received(1);
    running = [];
    await stop(AbortSignal.abort());
    expect(await row(promise)).toMatchObject({ state: 'pending', attempt: 1 });
    expect((await db.pool.query('select from daemon')).rowCount).toBe(0);
  });

  it('commits what was added last', async () => {
    const { deliveries, stop } = await start();
    running = [];
    deliveries.add(singles(receiver.url, 2_500));
    await stop();
    expect((await db.pool.query('select from delivery')).rowCount).toBe(2_500);
    expect(await states()).not.toHaveProperty('leased');
  });
});

describe('two daemons', () => {
  it('that hear the same calls send each webhook once, in order', async () => {
    const [a, b] = [await start({ name: 'a', pollMs: 20 }), await start({ name: 'b', pollMs: 20 })];
    const lanes = Array.from({ length: 40 }, (_, index) => flowTo(at(`/${index % 4}`), `flow ${index}`, 5));
    for (let position = 0; position < 5; position += 1) {
      const notices = lanes.map((lane) => lane[position]!);
      a.deliveries.add(notices);
      b.deliveries.add(notices.toReversed());
    }
    await receiver.received(200);
    await Promise.all([a.deliveries.idle(), b.deliveries.idle()]);
    expect(await states()).toEqual({ delivered: 200 });
    expect(receiver.posts).toHaveLength(200);
    for (const lane of lanes) {
      const arrived = receiver.posts.filter(({ body }) => (JSON.parse(body) as { flow: string }).flow === lane[0]!.flowId);
      expect(arrived.map(({ headers }) => headers['x-hookswitch-sequence'])).toEqual(['1', '2', '3', '4', '5']);
    }
  });
});

it('a process that stood still begins no POST until it knows that its leases hold', async () => {
  let standstillMs = 0;
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + standstillMs };
  const { deliveries } = await start({ clock, leaseMs: 300_000, heartbeatMs: 100_000 });
  receiver.answerWith('hang');
  const [first, second] = flowTo(receiver.url, 'flow', 2) as [NewDelivery, NewDelivery];
  deliveries.add([first, second]);
  await receiver.received(1);
  await deliveries.flushed();
  standstillMs = 300_000;
  receiver.releaseHung();
  await deliveries.idle();
  expect(await row(first)).toMatchObject({ state: 'delivered' });
  expect(await row(second)).toMatchObject({ state: 'pending', attempt: 0 });
  expect(receiver.posts).toHaveLength(1);
});

it('refuses periods in which no POST could ever begin', async () => {
  await expect(startDeliveries(db, { leaseMs: 12_000, timeoutMs: 10_000, heartbeatMs: 2_000 })).rejects.toThrow(RangeError);
});

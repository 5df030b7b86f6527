import type { NewDelivery } from '../../src/db/outbox.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { startReceiver, type Receiver } from '../support/receiver.js';
import { startDeliveries, subscription, type Harness, type HarnessOptions } from './harness.js';
import { flowTo, promiseTo } from './promise.js';

let db: TestDatabase;
let receiver: Receiver;
let harness: Harness | undefined;
beforeAll(async () => { db = await createDatabase(); });
afterAll(() => db.drop());
beforeEach(async () => {
  receiver = await startReceiver();
  await db.pool.query('truncate delivery, daemon');
});
afterEach(async () => {
  receiver.otherwise(200);
  receiver.releaseHung();
  await harness?.stop();
  await receiver.close();
});

const BREAKER = { failures: 10, share: 0.5, minSamples: 20, windowMs: 60_000, firstProbeMs: 400, lastProbeMs: 800 };

async function start(options: HarnessOptions = {}): Promise<Harness> {
  harness = await startDeliveries(db, { waitsMs: Array.from({ length: 500 }, () => 1), pollMs: 10, breaker: BREAKER, ...options });
  return harness;
}

const at = (path: string) => `http://127.0.0.1:${receiver.port}${path}`;
const singles = (url: string, count: number, rest: Partial<NewDelivery> = {}) => Array.from({ length: count }, (_, index) => promiseTo(url, `flow ${index}`, 1, rest));
const states = async () => (await db.pool.query<object>(`select state, count(*)::integer, sum(attempt)::integer as attempts from delivery group by state order by state`)).rows;
const sequences = (flow: string) => receiver.posts.filter(({ body }) => (JSON.parse(body) as { flow: string }).flow === flow).map(({ headers }) => headers['x-hookswitch-sequence']);

describe('a receiver that takes nothing', () => {
  it('is left alone but for probes, which costs what waits no attempt, and gets everything in order when it is back', async () => {
    const { deliveries, metrics } = await start();
    receiver.otherwise(500);
    const flows = Array.from({ length: 60 }, (_, index) => `flow ${index}`);
    deliveries.add(flows.flatMap((flow) => flowTo(receiver.url, flow, 4)));
    await receiver.received(10);
    await deliveries.idle();
    const before = receiver.posts.length;
    expect(before).toBeLessThan(10 + 8); // those in hand when the tenth failed
    expect(deliveries.health()).toMatchObject([{ state: 'open', inFlight: 0, slots: 0, lastFailure: 'status 500' }]);
    expect((await metrics.breakers.get()).values).toEqual([{ labels: { state: 'open' }, value: 1 }]);
    expect(await states()).toEqual([{ state: 'pending', count: 240, attempts: before }]);

    await receiver.received(before + 3);
    await deliveries.idle();
    expect(await states()).toEqual([{ state: 'pending', count: 240, attempts: before + 3 }]);

    receiver.otherwise(200);
    await receiver.received(before + 3 + 240);
    await deliveries.idle();
    expect(await states()).toMatchObject([{ state: 'delivered', count: 240 }]);
    for (const flow of flows) expect([...new Set(sequences(flow))]).toEqual(['1', '2', '3', '4']);
    expect(deliveries.health()).toEqual([]);
    expect((await metrics.breakers.get()).values.map(({ value }) => value)).toEqual([0, 0]);
  });

  it('is tried with the oldest cdr', async () => {
    const { deliveries } = await start();
    receiver.otherwise('reset');
    deliveries.add(singles(receiver.url, 10));
    await receiver.received(10);
    await deliveries.idle();
    deliveries.add([...flowTo(receiver.url, 'call', 2), promiseTo(receiver.url, 'call', 3, { event: 'cdr' })]); // has its call before it
    deliveries.add([promiseTo(receiver.url, 'older', 1, { event: 'cdr' })]);
    await deliveries.flushed();
    deliveries.add([promiseTo(receiver.url, 'newer', 1, { event: 'cdr' })]);
    const before = receiver.posts.length;
    await receiver.received(before + 1);
    expect(JSON.parse(receiver.posts[before]!.body)).toMatchObject({ flow: 'older' });
  });

  it('is nothing to others, however much waits for it', async () => {
    const { deliveries } = await start({ breaker: { ...BREAKER, firstProbeMs: 600_000, lastProbeMs: 600_000 } });
    receiver.otherwise(({ path }) => (path === '/dead' ? 'reset' : 200));
    deliveries.add(singles(at('/dead'), 2_000));
    await receiver.received(10);
    await deliveries.idle();
    const before = receiver.posts.length;
    deliveries.add([...singles(at('/dead'), 2_000, { flowId: 'more' }), ...singles(at('/alive'), 200)]);
    await receiver.received(before + 200);
    await deliveries.idle();
    expect(receiver.posts.filter(({ path }) => path === '/dead')).toHaveLength(before);
  });

  it('and says for how long, is left alone for as long', async () => {
    const { deliveries } = await start({
      breaker: { ...BREAKER, lastProbeMs: 60_000 },
      deps: { send: () => Promise.resolve({ kind: 'answered', status: 429, retryAfterMs: 30_000, excerpt: '', timing: { totalMs: 1 } }) },
    });
    deliveries.add(singles(receiver.url, 20));
    await deliveries.flushed();
    await deliveries.idle();
    expect(deliveries.health()[0]!.nextProbeMs).toBeGreaterThan(20_000);
  });
});

it('a receiver that fails now and then keeps all of its slots', async () => {
  const { deliveries } = await start();
  let posts = 0;
  receiver.otherwise(() => (++posts % 3 === 0 ? 'reset' : 200));
  deliveries.add(singles(receiver.url, 300));
  await receiver.until(() => posts - Math.floor(posts / 3) >= 300);
  await deliveries.idle();
  expect(await states()).toMatchObject([{ state: 'delivered', count: 300 }]);
  expect(deliveries.health().filter(({ state, slots }) => state !== 'closed' || slots !== 8)).toEqual([]);
});

describe('a receiver that hangs', () => {
  it('holds no slot of those who answer, and is sent to one by one', async () => {
    const { deliveries } = await start({ concurrency: 4, perUrl: 4, slowConcurrency: 200, slowMs: 50 });
    receiver.otherwise(({ path }) => (path.startsWith('/hangs') ? 'hang' : 200));
    for (let index = 0; index < 6; index += 1) deliveries.add(singles(at(`/hangs/${index}`), 30));
    await receiver.until(() => new Set(receiver.posts.map(({ path }) => path)).size === 6);
    deliveries.add(singles(at('/answers'), 100));
    await receiver.until(() => receiver.posts.filter(({ path }) => path === '/answers').length === 100);
    const hanging = receiver.posts.filter(({ path }) => path.startsWith('/hangs')).length;
    expect(hanging).toBeLessThanOrEqual(6 * 4 + 6);
    await deliveries.flushed();
    expect(deliveries.health().filter(({ slow, slots }) => slow && slots === 1).length).toBeGreaterThan(0);
  });

  it('gets its slots back as it takes what it is sent, slow as it may be', async () => {
    const { deliveries } = await start({ slowMs: 10 });
    receiver.otherwise('hang');
    deliveries.add(singles(receiver.url, 60));
    await receiver.received(1);
    const taking = setImmediateLoop(() => { if (deliveries.health().some(({ slow }) => slow)) receiver.releaseHung(); });
    await receiver.until(() => receiver.posts.length === 60);
    await deliveries.idle();
    taking.stop();
    expect(receiver.mostAtOnce('/hook')).toBe(8);
    expect(await states()).toEqual([{ state: 'delivered', count: 60, attempts: 60 }]);
  });
});

/** Looks again with each turn of the event loop. */
function setImmediateLoop(look: () => void): { stop: () => void } {
  let isStopped = false;
  const turn = () => { if (isStopped) return; look(); setImmediate(turn); };
  turn();
  return { stop: () => { isStopped = true; } };
}

describe("a subscription's rate", () => {
  it('is kept, and what waits for it counts no attempt and holds no slot', async () => {
    const RATED = '5a000000-0000-4000-8000-000000000002';
    const { deliveries } = await start({ concurrency: 1, perUrl: 1, deps: { subscriptionOf: (id) => ({ ...subscription, ratePerSecond: id === RATED ? 0.001 : null }) } });
    deliveries.add(singles(at('/rated'), 20, { subscriptionId: RATED }));
    await receiver.received(1);
    deliveries.add(singles(at('/free'), 50));
    await receiver.until(() => receiver.posts.filter(({ path }) => path === '/free').length === 50);
    await deliveries.flushed();
    expect(receiver.posts.filter(({ path }) => path === '/rated')).toHaveLength(1);
    await harness!.stop();
    harness = undefined;
    expect(await states()).toEqual([{ state: 'delivered', count: 51, attempts: 51 }, { state: 'pending', count: 19, attempts: 0 }]);
  });

  it('lets everything through in time, each call in order', async () => {
    const { deliveries } = await start({ deps: { subscriptionOf: () => ({ ...subscription, ratePerSecond: 200 }) } });
    const startedMs = performance.now();
    const flows = Array.from({ length: 20 }, (_, index) => `flow ${index}`);
    deliveries.add(flows.flatMap((flow) => flowTo(receiver.url, flow, 5)));
    await receiver.received(100);
    expect(performance.now() - startedMs).toBeGreaterThan((100 - 1 - 10) / 200 * 1_000); // ten may come at once
    for (const flow of flows) expect(sequences(flow)).toEqual(['1', '2', '3', '4', '5']);
  });
});

it('what a disabled subscription was promised is not sent', async () => {
  const { deliveries } = await start({ deps: { subscriptionOf: () => ({ ...subscription, enabled: false }) } });
  deliveries.add(singles(receiver.url, 5));
  await deliveries.idle();
  expect(receiver.posts).toEqual([]);
  expect((await db.pool.query(`select from delivery where state in ('pending', 'leased')`)).rowCount).toBe(0);
});

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, type Clock } from '../../src/clock.js';
import { createSpill } from '../../src/delivery/spill.js';
import type { Logger } from '../../src/log.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { asAdmin } from '../support/server.js';
import { startReceiver, type Receiver } from '../support/receiver.js';
import { patient, startDeliveries, type Harness, type HarnessOptions } from './harness.js';
import { flowTo, promiseTo } from './promise.js';

let db: TestDatabase;
let receiver: Receiver;
let harness: Harness;
let said: ReturnType<typeof listen>;
beforeEach(async () => {
  db = await createDatabase();
  receiver = await startReceiver();
  said = listen();
  harness = await start();
});
afterEach(async () => {
  await harness.stop();
  await receiver.close();
  await db.drop();
});

const start = (options: HarnessOptions = {}) =>
  startDeliveries(db, { log: said.log, waitsMs: Array.from({ length: 20 }, () => 5), pollMs: 20, heartbeatMs: 500, leaseMs: 12_000, breaker: patient, ...options });

/** Lets nobody in any more, and those who are in out; or lets them in again. */
async function allow(connections: boolean): Promise<void> {
  const name = new URL(db.url).pathname.slice(1);
  await asAdmin(db.url, async (admin) => {
    await admin.query(`alter database ${name} with allow_connections ${connections}`);
    await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = $1`, [name]);
  });
}

/** A log that can be waited for. */
function listen() {
  const lines: string[] = [];
  const waiters: { message: string; resolve: () => void }[] = [];
  const take = (message: string) => {
    lines.push(message);
    for (const waiter of waiters) if (waiter.message === message) waiter.resolve();
  };
  const log: Logger = { debug: take, info: take, warn: take, error: take, child: () => log };
  return { log, lines, heard: (message: string) => new Promise<void>((resolve) => { if (lines.includes(message)) resolve(); else waiters.push({ message, resolve }); }) };
}

const killConnections = () => db.pool.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`);
const lanes = Array.from({ length: 60 }, (_, index) => index);

it('connections killed in mid-work lose nothing, and no lane its order', async () => {
  receiver.otherwise(({ headers }) => Number(headers['x-hookswitch-attempt']) === 1 && Number(headers['x-hookswitch-sequence']) % 4 === 0 ? 500 : 200);
  for (let round = 0; round < 10; round += 1) {
    harness.deliveries.add(lanes.flatMap((lane) => flowTo(`http://127.0.0.1:${receiver.port}/${lane % 6}`, `flow ${lane}`, 10).slice(round, round + 1)));
    await receiver.received(receiver.posts.length + 20);
    if (round % 2 === 1) await killConnections();
  }
  const allTaken = () => new Set(receiver.posts.map(({ headers }) => headers['webhook-id'])).size === 600;
  await receiver.until(allTaken);
  await harness.deliveries.idle();
  for (const lane of lanes) {
    const first = new Set(receiver.posts.filter(({ body }) => (JSON.parse(body) as { flow: string }).flow === `flow ${lane}`).map(({ headers }) => Number(headers['x-hookswitch-sequence'])));
    expect([...first]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  }
  expect((await db.pool.query(`select state, count(*)::integer from delivery group by state`)).rows).toEqual([{ state: 'delivered', count: 600 }]);
});

it('while Postgres is away everything is kept, nothing is sent, and it is said once', async () => {
  await allow(false);
  harness.deliveries.add(flowTo(receiver.url, 'flow', 5));
  await said.heard('outbox cannot be written, keeping everything in memory');
  expect(harness.deliveries.buffered()).toBe(5);
  expect(receiver.posts).toHaveLength(0);
  await allow(true);
  await harness.deliveries.flushed();
  expect(harness.deliveries.buffered()).toBe(0);
  await receiver.received(5);
  await harness.deliveries.idle();
  expect(receiver.posts.map(({ headers }) => headers['x-hookswitch-sequence'])).toEqual(['1', '2', '3', '4', '5']);
  expect(said.lines.filter((line) => line.startsWith('outbox'))).toEqual(['outbox cannot be written, keeping everything in memory', 'outbox written again']);
});

/** While it is fast, every wait is over at once and the time that it would have taken has passed all the same. */
function fastClock(onWait: () => void) {
  let isFast = false;
  let passedMs = 0;
  const clock: Clock = {
    now: () => new Date(Date.now() + passedMs),
    monotonicMs: () => systemClock.monotonicMs() + passedMs,
    sleep: (ms, signal) => {
      if (!isFast) return systemClock.sleep(ms, signal);
      passedMs += ms;
      onWait();
      return systemClock.sleep(1, signal);
    },
  };
  return { clock, passedMs: () => passedMs, fast: (now: boolean) => { isFast = now; } };
}

it('a minute without Postgres under load costs nothing but time: all is kept in order, the states of calls too, and sent when it is back', async () => {
  const flows = Array.from({ length: 10 }, (_, index) => `flow ${index}`);
  let position = 0;
  let isOver!: () => void;
  const over = new Promise<void>((resolve) => { isOver = resolve; });
  const time = fastClock(() => {
    if (time.passedMs() >= 60_000) return isOver();
    position += 1;
    for (const flowId of flows) {
      harness.deliveries.add([promiseTo(receiver.url, flowId, position)], { switchName: 'pbx', flowId, coreId: 'core', position, state: JSON.stringify({ position }) });
    }
  });
  await harness.stop();
  harness = await start({ clock: time.clock });
  await allow(false);
  time.fast(true);
  await over;
  expect(receiver.posts).toEqual([]);
  expect(harness.deliveries.buffered()).toBe(2 * flows.length * position);
  await allow(true);
  await harness.deliveries.flushed();
  time.fast(false);
  await receiver.received(flows.length * position);
  await harness.deliveries.idle();
  const inOrder = Array.from({ length: position }, (_, index) => String(index + 1));
  for (const flow of flows) {
    const posts = receiver.posts.filter(({ body }) => (JSON.parse(body) as { flow: string }).flow === flow);
    expect(posts.map(({ headers }) => headers['x-hookswitch-sequence'])).toEqual(inOrder);
  }
  expect((await db.pool.query('select distinct position from open_flow')).rows).toEqual([{ position }]);
});

describe('a stop while Postgres is away', () => {
  let folder: string;
  beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'hookswitch-spill-')); });
  afterEach(() => rm(folder, { recursive: true }));

  const spill = () => createSpill(folder, { clock: systemClock, log: said.log, pid: process.pid });
  const record = (position: number, state: string | null = '{}') => ({ switchName: 'pbx', flowId: 'flow', coreId: 'core', position, state });
  const flow = (length = 6) => flowTo(receiver.url, 'flow', length);

  it('leaves what is not committed to the next start, which sends it first and in order', async () => {
    await harness.stop();
    harness = await start({ deps: { spill: spill() } });
    const promises = flow();
    harness.deliveries.add(promises.slice(0, 2), record(2));
    await receiver.received(2);
    await harness.deliveries.idle();
    await allow(false);
    for (const promise of promises.slice(2, 4)) harness.deliveries.add([promise], record(promise.position));
    await said.heard('outbox cannot be written, keeping everything in memory');
    await harness.stop(AbortSignal.abort());
    expect(await readdir(folder)).toHaveLength(1);

    await allow(true);
    said.lines.length = 0;
    harness = await start({ deps: { spill: spill() } });
    harness.deliveries.add(promises.slice(4), record(6, null));
    await receiver.received(6);
    await harness.deliveries.idle();
    expect(receiver.posts.map(({ headers }) => headers['x-hookswitch-sequence'])).toEqual(['1', '2', '3', '4', '5', '6']);
    expect((await db.pool.query('select from open_flow')).rowCount).toBe(0);
    expect(await readdir(folder)).toEqual([]);
    expect(said.lines).toContain('taking up what an earlier process could not commit');
  });

  it('loses nothing, however often it happens', async () => {
    for (const [index, promise] of flow(3).entries()) {
      if (index === 0) await harness.stop();
      harness = await start({ deps: { spill: spill() } });
      if (index > 0) await harness.deliveries.flushed();
      await allow(false);
      harness.deliveries.add([promise], record(promise.position));
      await harness.stop(AbortSignal.abort());
      expect(await readdir(folder)).toHaveLength(1);
      await allow(true);
    }
    harness = await start({ deps: { spill: spill() } });
    await receiver.until(() => new Set(receiver.posts.map(({ headers }) => headers['webhook-id'])).size === 3);
    await harness.deliveries.idle();
    expect((await db.pool.query('select sequence, state from delivery order by position')).rows).toEqual(flow(3).map((_, index) => ({ sequence: index + 1, state: 'delivered' })));
  });

  it('without a place for it says how much is lost', async () => {
    await allow(false);
    harness.deliveries.add(flow());
    await harness.stop(AbortSignal.abort());
    expect(said.lines).toContain('stopped with notices not committed, which are lost');
    await allow(true);
    harness = await start();
  });
});

it('says when there is no room for more, and when there is again', async () => {
  const said: boolean[] = [];
  let emptied!: () => void;
  const empty = new Promise<void>((resolve) => { emptied = resolve; });
  await harness.stop();
  harness = await start({ maxBuffered: 20, deps: { onRoom: (hasRoom) => { said.push(hasRoom); if (hasRoom) emptied(); } } });
  await allow(false);
  harness.deliveries.add(flowTo(receiver.url, 'flow', 20));
  expect([harness.deliveries.hasRoom(), said]).toEqual([false, [false]]);
  await allow(true);
  await empty;
  expect([harness.deliveries.hasRoom(), said]).toEqual([true, [false, true]]);
  await receiver.received(20);
});

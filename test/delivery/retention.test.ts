import { systemClock, type Clock } from '../../src/clock.js';
import { append } from '../../src/db/outbox-append.js';
import { makeDay } from '../../src/db/outbox-history.js';
import { createRetention } from '../../src/delivery/retention.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { silentLog } from '../support/silent-log.js';
import { promiseTo, TODAY } from './promise.js';

let db: TestDatabase;
beforeEach(async () => { db = await createDatabase(); });
afterEach(() => db.drop());

/** A clock by which the pauses between batches are over at once, and the first long rest can be waited for. */
function restlessClock() {
  const pauses: number[] = [];
  let rested!: () => void;
  const resting = new Promise<void>((resolve) => { rested = resolve; });
  const clock: Clock = { ...systemClock, sleep: (ms, signal) => {
    pauses.push(ms);
    if (ms < 1_000) return Promise.resolve();
    rested();
    return systemClock.sleep(ms, signal);
  } };
  return { clock, pauses, resting };
}

const day = (ago: number) => new Date(Date.parse(TODAY) - ago * 86_400_000).toISOString().slice(0, 10);
const promised = (flowDay: string, count: number) => append(db.pool, Array.from({ length: count }, (_, index) => ({ delivery: promiseTo('http://a', `${flowDay} ${index}`, index, { flowDay }), lease: false })), { daemonId: 1, holdMs: 1 });
const end = (state: string, where: string) => db.pool.query(`update delivery set state = $1, settled_at = now() - interval '40 days' where ${where}`, [state]);
const left = async () => (await db.pool.query('select day::text, state, count(*)::integer from delivery group by 1, 2 order by 1, 2')).rows as object[];

async function runOnce() {
  const { clock, pauses, resting } = restlessClock();
  const retention = createRetention({ db: db.pool, clock, log: silentLog, random: () => 0.5 });
  await retention.start();
  await resting;
  await retention.stop(new AbortController().signal); // in the middle of its rest
  return pauses;
}

it('retention drops the days that are past, keeps what was not taken for longer, and makes those to come', async () => {
  for (const ago of [40, 20, 14]) {
    await makeDay(db.pool, day(ago));
    await promised(day(ago), 20);
    await end('delivered', `day = '${day(ago)}' and position > 4`);
    await end('abandoned', `day = '${day(ago)}' and position <= 4`);
  }
  await promised(day(3), 1); // too early for its day
  await db.pool.query(`drop table delivery_${day(-2).replaceAll('-', '')}, attempt_${day(-2).replaceAll('-', '')}`);
  expect(await runOnce()).toEqual([600_000]);
  expect(await left()).toEqual([
    { day: day(20), state: 'abandoned', count: 5 }, { day: day(14), state: 'abandoned', count: 5 }, { day: day(14), state: 'delivered', count: 15 }, { day: day(3), state: 'pending', count: 1 },
  ]);
  expect((await db.pool.query('select day::text from history_day order by day')).rows).toEqual([20, 14, 3, 1, 0, -1, -2].map((ago) => ({ day: day(ago) })));
});

it('retention deletes what lies outside of the days batch by batch', async () => {
  await promised('2020-01-01', 4_500);
  await end('delivered', 'position > 0');
  expect(await runOnce()).toEqual([100, 100, 600_000]);
  expect(await left()).toEqual([{ day: '2020-01-01', state: 'pending', count: 1 }]);
});

it('retention comes back soon where somebody held the tables', async () => {
  await promised(day(3), 1);
  const client = await db.pool.connect();
  await client.query('begin');
  await client.query('select from delivery');
  expect(await runOnce()).toEqual([10_000]);
  await client.query('commit');
  client.release();
  await runOnce();
  expect((await db.pool.query('select from delivery_default')).rowCount).toBe(0);
});

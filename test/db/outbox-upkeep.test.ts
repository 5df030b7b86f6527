import { append } from '../../src/db/outbox-append.js';
import { oldestWaitingSeconds } from '../../src/db/outbox-age.js';
import { countWaiting, deleteStray } from '../../src/db/outbox-upkeep.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { promiseTo } from '../delivery/promise.js';

let db: TestDatabase;
beforeAll(async () => { db = await createDatabase(); });
afterAll(() => db.drop());
beforeEach(() => db.pool.query('truncate delivery, attempt'));

const LONG_AGO = '2020-01-01'; // which has no partition of its own
const kept = { deliveredDays: 14, abandonedDays: 30 };
const fill = (count: number, flowDay?: string) => append(db.pool, Array.from({ length: count }, (_, index) => ({ delivery: promiseTo('http://a', `flow ${index}`, index, flowDay === undefined ? {} : { flowDay }), lease: false })), { daemonId: 1, holdMs: 1 });
const end = (state: string, ages: number[], from: number) => db.pool.query(
  `update delivery set state = $1, settled_at = now() - ($2::integer[])[position - $3 + 1] * interval '1 day' where position between $3 and $3 + array_length($2::integer[], 1) - 1`, [state, ages, from]);
const left = async () => (await db.pool.query<{ position: number }>('select position from delivery order by position')).rows.map(({ position }) => position);

it('deletes what ended longer ago than it is kept, with its attempts, and nothing that waits or belongs to a day that is there', async () => {
  await fill(8, LONG_AGO);
  await end('delivered', [13, 15], 0);
  await end('abandoned', [29, 31], 2);
  await end('expired', [31, 29], 6);
  await db.pool.query(`update delivery set created_at = now() - interval '1 year'`);
  await db.pool.query(`insert into attempt (delivery_id, day, number, started_at, daemon, outcome, total_ms) select id, day, 1, now(), '', '', 1 from delivery`);
  await append(db.pool, [{ delivery: promiseTo('http://a', 'of today', 100), lease: false }], { daemonId: 1, holdMs: 1 });
  await end('delivered', [40], 100);
  expect(await deleteStray(db.pool, kept, 100)).toBe(3);
  expect(await left()).toEqual([0, 2, 4, 5, 7, 100]);
  expect((await db.pool.query('select from attempt')).rowCount).toBe(5);
});

it('deletes in bounded batches, several at once without a conflict', async () => {
  await fill(50, LONG_AGO);
  await end('delivered', Array.from({ length: 50 }, () => 20), 0);
  expect(await deleteStray(db.pool, kept, 10)).toBe(10);
  await Promise.all(Array.from({ length: 4 }, () => deleteStray(db.pool, kept, 10)));
  await deleteStray(db.pool, kept, 50);
  expect(await left()).toEqual([]);
});

it('counts what waits exactly up to a bound, and beyond it what the last analysis knew', async () => {
  await fill(30);
  await end('delivered', [0, 0], 0);
  expect(await countWaiting(db.pool, 100)).toBe(28);
  await db.pool.query('analyze delivery');
  expect(await countWaiting(db.pool, 5)).toBe(28);
});

it('tells how long the oldest has waited, and nothing of what has ended or is held', async () => {
  expect(await oldestWaitingSeconds(db.pool, 100)).toBe(0);
  await fill(4);
  await db.pool.query(`update delivery set created_at = now() - (array[400, 300, 200, 100])[position + 1] * interval '1 second'`);
  await end('delivered', [0], 0);
  await db.pool.query(`update delivery set state = 'held' where position = 1`);
  expect(Math.round(await oldestWaitingSeconds(db.pool, 100))).toBe(200);
});

it('finds the oldest among those of the earliest days where more wait than are looked at', async () => {
  await fill(3, LONG_AGO);
  await fill(10);
  await db.pool.query(`update delivery set created_at = now() - interval '1 hour' where day = $1`, [LONG_AGO]);
  expect(Math.round(await oldestWaitingSeconds(db.pool, 2))).toBe(3_600);
});

import { append } from '../../src/db/outbox-append.js';
import { agedDays, bringBack, dropDay, LOCK_NOT_AVAILABLE, makeDay, missingDays, thinDay } from '../../src/db/outbox-history.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { promiseTo, TODAY } from '../delivery/promise.js';

const URL = 'http://a.example/hook';
const kept = { deliveredDays: 14, abandonedDays: 30 };
const us = { daemonId: 1, holdMs: 1 };
const day = (ago: number) => new Date(Date.parse(TODAY) - ago * 86_400_000).toISOString().slice(0, 10);

let db: TestDatabase;
beforeEach(async () => { db = await createDatabase(); });
afterEach(() => db.drop());

/** Deliveries of one day, one for each state, with an attempt each. */
async function fill(flowDay: string, states: readonly string[]): Promise<void> {
  await append(db.pool, states.map((state, index) => ({ delivery: promiseTo(URL, `${flowDay} ${state}`, index + 1, { flowDay }), lease: false })), us);
  for (const [index, state] of states.entries()) {
    const isOver = ['delivered', 'abandoned', 'expired'].includes(state);
    await db.pool.query(`update delivery set state = $1, settled_at = case when $2 then now() end, leased_by = case when $1 = 'leased' then 1 end where day = $3 and position = $4`, [state, isOver, flowDay, index + 1]);
  }
  await db.pool.query(`insert into attempt (delivery_id, day, number, started_at, daemon, outcome, total_ms) select id, day, 1, now(), '', '', 1 from delivery where day = $1`, [flowDay]);
}
/** Makes a day for sure: a call that has just failed may still be letting go of what it held, and then the next finds somebody at it. */
async function makeSurely(flowDay: string): Promise<void> {
  while ((await missingOf(flowDay)) === 1) await makeDay(db.pool, flowDay);
}
const missingOf = async (flowDay: string) => (await db.pool.query('select where not exists (select from history_day where day = $1)', [flowDay])).rowCount;

const states = async () => (await db.pool.query<{ state: string }>('select d.state from delivery d join attempt a on a.delivery_id = d.id and a.day = d.day order by 1')).rows.map(({ state }) => state);
const partitions = async () => (await db.pool.query<{ name: string }>(`select relname as name from pg_class where relkind = 'r' and relname ~ '^(delivery|attempt)_' order by 1`)).rows.map(({ name }) => name);
const nameOf = (table: string, ago: number, suffix = '') => `${table}_${day(ago).replaceAll('-', '')}${suffix}`;

describe('days to come', () => {
  it('are there from yesterday to the day after tomorrow', async () => {
    expect(await missingDays(db.pool, kept)).toEqual([]);
    expect(await partitions()).toEqual(['attempt', 'delivery'].flatMap((table) => [1, 0, -1, -2].map((ago) => nameOf(table, ago)).concat(`${table}_default`)));
  });

  it('and those of which something has come all the same are made, and take over what was there', async () => {
    await fill(day(5), ['pending', 'delivered']);
    await fill('2020-01-01', ['pending']);
    expect(await missingDays(db.pool, kept)).toEqual([day(5)]);
    expect(await makeDay(db.pool, day(5))).toBe(true);
    expect(await makeDay(db.pool, day(5))).toBe(false);
    expect(await missingDays(db.pool, kept)).toEqual([]);
    expect((await db.pool.query('select tableoid::regclass::text as partition, count(*)::integer from delivery group by 1 order by 1')).rows).toEqual([
      { partition: nameOf('delivery', 5), count: 2 }, { partition: 'delivery_default', count: 1 },
    ]);
    expect(await states()).toEqual(['delivered', 'pending', 'pending']);
    expect(await append(db.pool, [{ delivery: promiseTo(URL, `${day(5)} pending`, 1, { flowDay: day(5) }), lease: false }], us)).toEqual([]);
  });

  it('are made once, though several make them while others write', async () => {
    const made = await Promise.allSettled([3, 3, 4, 4, 5].map((ago) => makeDay(db.pool, day(ago))).concat(
      Array.from({ length: 20 }, (_, index) => append(db.pool, [{ delivery: promiseTo(URL, `flow ${index}`, 1, { flowDay: day(3 + index % 3) }), lease: false }], us).then(() => false))));
    for (const result of made) if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: LOCK_NOT_AVAILABLE });
    for (const ago of [3, 4, 5]) await makeSurely(day(ago));
    expect((await db.pool.query('select from history_day')).rowCount).toBe(7);
    expect((await db.pool.query('select from delivery')).rowCount).toBe(20);
    expect((await db.pool.query('select from delivery_default')).rowCount).toBe(0);
  });

  it('wait for nobody: where somebody holds the tables, it fails soon, and nothing has happened', async () => {
    const client = await db.pool.connect();
    await client.query('begin');
    await client.query('select from delivery');
    await expect(makeDay(db.pool, day(3))).rejects.toMatchObject({ code: LOCK_NOT_AVAILABLE });
    await client.query('commit');
    client.release();
    expect(await missingOf(day(3))).toBe(1);
    await makeSurely(day(3));
  });
});

describe('an old day', () => {
  const all = ['delivered', 'delivered', 'abandoned', 'expired'];

  it('loses what was taken when that is not kept any longer, and keeps the rest with its attempts', async () => {
    await makeDay(db.pool, day(15));
    await fill(day(15), all);
    await fill(TODAY, ['delivered']);
    expect(await agedDays(db.pool, kept)).toEqual([{ day: day(15), due: 'thin' }]);
    expect(await thinDay(db.pool, day(15))).toBe(true);
    while (await bringBack(db.pool));
    expect(await states()).toEqual(['abandoned', 'delivered', 'expired']);
    expect(await agedDays(db.pool, kept)).toEqual([]);
    expect(await partitions()).toContain(nameOf('delivery', 15, '_rest'));
    expect((await partitions()).filter((name) => name.includes('leaving'))).toEqual([]);
  });

  it('goes as a whole when nothing of it is kept any longer', async () => {
    for (const ago of [31, 30]) {
      await makeDay(db.pool, day(ago));
      await fill(day(ago), all);
    }
    expect(await agedDays(db.pool, kept)).toEqual([{ day: day(31), due: 'drop' }, { day: day(30), due: 'thin' }]);
    expect(await dropDay(db.pool, day(31))).toBe(true);
    expect(await states()).toEqual([...all].sort());
    expect(await agedDays(db.pool, { deliveredDays: 20, abandonedDays: 5 })).toEqual([{ day: day(30), due: 'drop' }]);
  });

  it.each(['pending', 'leased', 'held'])('stays whole while something of it is %s', async (state) => {
    await makeDay(db.pool, day(40));
    await fill(day(40), ['delivered', state]);
    expect([await thinDay(db.pool, day(40)), await dropDay(db.pool, day(40))]).toEqual([false, false]);
    expect(await states()).toEqual(['delivered', state].sort());
  });

  it('that was taken out by a process which then died is brought back by the next', async () => {
    await makeDay(db.pool, day(15));
    await fill(day(15), all);
    await thinDay(db.pool, day(15));
    expect(await states()).toEqual([]);
    await Promise.all([bringBack(db.pool), bringBack(db.pool), bringBack(db.pool)]);
    while (await bringBack(db.pool));
    expect(await states()).toEqual(['abandoned', 'expired']);
  });
});

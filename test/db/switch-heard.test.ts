import { heard, lastHeard } from '../../src/db/switch-heard.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';

let db: TestDatabase;
beforeAll(async () => { db = await createDatabase(); });
afterAll(() => db.drop());
beforeEach(() => db.pool.query('truncate switch_heard'));

it('a switch that this daemon has not heard was never heard, whoever else may have', async () => {
  await heard(db.pool, 'a', 'other', 'core');
  await heard(db.pool, 'b', 'pbx', 'core');
  expect(await lastHeard(db.pool, 'a', 'pbx')).toBeUndefined();
});

it('what counts is when it was heard last, and in which run', async () => {
  await heard(db.pool, 'a', 'pbx', 'first run');
  await heard(db.pool, 'b', 'pbx', 'of another switch');
  await heard(db.pool, 'a', 'pbx', 'second run');
  const { coreId, heardAt } = (await lastHeard(db.pool, 'a', 'pbx'))!;
  expect(coreId).toBe('second run');
  expect(Math.abs(heardAt.getTime() - Date.now())).toBeLessThan(60_000);
  expect((await db.pool.query('select from switch_heard')).rowCount).toBe(2);
});

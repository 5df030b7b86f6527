import { heard, lastHeard } from '../../src/db/switch-heard.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';

let db: TestDatabase;
beforeAll(async () => { db = await createDatabase(); });
afterAll(() => db.drop());
beforeEach(() => db.pool.query('truncate switch_heard'));

it('a switch that nobody has heard was never heard', async () => {
  await heard(db.pool, 'a', 'other', 'core');
  expect(await lastHeard(db.pool, 'pbx')).toBeUndefined();
});

it('what counts is who heard it last, and in which run', async () => {
  await heard(db.pool, 'a', 'pbx', 'first run');
  await heard(db.pool, 'b', 'pbx', 'second run');
  await db.pool.query(`update switch_heard set heard_at = heard_at - interval '1 hour' where owner = 'a'`);
  expect((await lastHeard(db.pool, 'pbx'))!.coreId).toBe('second run');
  await heard(db.pool, 'a', 'pbx', 'third run');
  const { coreId, heardAt } = (await lastHeard(db.pool, 'pbx'))!;
  expect(coreId).toBe('third run');
  expect(Math.abs(heardAt.getTime() - Date.now())).toBeLessThan(60_000);
  expect((await db.pool.query('select from switch_heard')).rowCount).toBe(2);
});

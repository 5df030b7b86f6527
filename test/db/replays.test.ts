import { nextStepMs } from '../../src/db/replays.js';
import { addDomain } from '../../src/db/tenants.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';

let db: TestDatabase;
beforeAll(async () => { db = await createDatabase(); });
afterAll(() => db.drop());

it('says when the next step of any replay is due: never where none runs, and how late it is where it is overdue', async () => {
  expect(await nextStepMs(db.pool)).toBeNull();
  const { domain } = await addDomain(db.pool, 'acme.example');
  const begin = `insert into replay (domain_uuid, states, step_at) values ($1, '{abandoned}', now() + $2 * interval '1 s')`;
  await db.pool.query(begin, [domain.id, 100]);
  expect(await nextStepMs(db.pool)).toBeGreaterThan(90_000);
  expect(await nextStepMs(db.pool)).toBeLessThanOrEqual(100_000);
  await db.pool.query(`update replay set step_at = now() - interval '5 s'`);
  expect(await nextStepMs(db.pool)).toBeLessThanOrEqual(-5_000);
  await db.pool.query(`update replay set state = 'finished', finished_at = now()`);
  expect(await nextStepMs(db.pool)).toBeNull();
});

import { createSession, type Session } from '../../src/db/outbox-session.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';

let db: TestDatabase;
let session: Session;
let lost: string[];
beforeEach(async () => {
  db = await createDatabase();
  await db.pool.query('create table done (n int primary key)');
  lost = [];
  session = createSession(db.pool, { deadlineMs: 10_000, onLost: (code) => lost.push(code) });
});
afterEach(async () => {
  session.close();
  await db.drop();
});

const pid = async () => (await session.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]!.pid;
const insert = (n: number) => session.query('insert into done values ($1)', [n]);
const done = async () => (await db.pool.query<{ n: number }>('select n from done order by n')).rows.map(({ n }) => n);

it('does what is asked at once one after another, over one connection', async () => {
  const pids = await Promise.all([pid(), session.query('select pg_sleep(0.05)').then(pid), pid()]);
  expect(new Set(pids).size).toBe(1);
  const [, , { rows }] = await Promise.all([insert(1), insert(2), session.query<{ n: number }>('select n from done order by n'), insert(3)]);
  expect(rows).toEqual([{ n: 1 }, { n: 2 }]);
});

it('keeps its connection, and what was asked besides, where only the data were wrong', async () => {
  const before = await pid();
  const results = await Promise.allSettled([insert(1), insert(1), session.query('select 1 / $1::int', [0]), insert(2)]);
  expect(results).toMatchObject([{ status: 'fulfilled' }, { reason: { code: '23505' } }, { reason: { code: '22012' } }, { status: 'fulfilled' }]);
  expect([await done(), await pid(), lost]).toEqual([[1, 2], before, []]);
});

it('gives its connection up with any other failure, says so once, and opens another', async () => {
  const before = await pid();
  const results = await Promise.allSettled([insert(1), session.query('select from nowhere'), insert(2), insert(3)]);
  expect(results.slice(0, 2)).toMatchObject([{ status: 'fulfilled' }, { reason: { code: '42P01' } }]);
  expect(lost).toEqual(['42P01']);
  expect(await pid()).not.toBe(before);
  const results2 = await Promise.allSettled([session.query('select pg_terminate_backend(pg_backend_pid())'), insert(4)]);
  expect(results2).toMatchObject([{ reason: { code: '57P01' } }, { status: 'rejected' }]);
  await insert(5);
  expect(lost).toEqual(['42P01', '57P01']);
});

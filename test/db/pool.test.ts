import { createPool, inTransaction, requireServer, serverOf } from '../../src/db/pool.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { silentLog } from '../support/silent-log.js';

let database: TestDatabase;
beforeAll(async () => { database = await createDatabase(); });
afterAll(() => database.drop());

it('gives bigints as numbers, and refuses those that a number would round', async () => {
  expect((await database.pool.query('select count(*) as n, 9007199254740991::bigint as most from generate_series(1, 3)')).rows).toEqual([{ n: 3, most: 9007199254740991 }]);
  await expect(database.pool.query('select 9007199254740993::bigint')).rejects.toThrow(RangeError);
});

it('cancels a statement that takes too long', async () => {
  const pool = createPool({ url: database.url, statementTimeoutMs: 50 }, silentLog);
  await expect(pool.query('select pg_sleep(60)')).rejects.toMatchObject({ code: '57014' });
  await pool.end();
});

it('survives the loss of an idle connection and opens another', async () => {
  const pool = createPool({ url: database.url, max: 1 }, silentLog);
  const { rows: [mine] } = await pool.query<{ pid: number; name: string }>(`select pg_backend_pid() as pid, current_setting('application_name') as name`);
  expect(mine!.name).toBe('hookswitch');
  const lost = new Promise((resolve) => { pool.once('remove', resolve); });
  await database.pool.query('select pg_terminate_backend($1)', [mine!.pid]);
  await lost;
  expect((await pool.query('select 1 as n')).rows).toEqual([{ n: 1 }]);
  await pool.end();
});

it('commits what a transaction did, all or nothing', async () => {
  await database.pool.query('create table done (n int)');
  await expect(inTransaction(database.pool, async (db) => { await db.query('insert into done values (1)'); throw new Error('no'); })).rejects.toThrow('no');
  expect(await inTransaction(database.pool, async (db) => { await db.query('insert into done values (2)'); return 'yes'; })).toBe('yes');
  expect((await database.pool.query('select n from done')).rows).toEqual([{ n: 2 }]);
});

it('reports the first failure of a transaction, also when its connection is gone', async () => {
  await expect(inTransaction(database.pool, async (db) => { await db.query('select pg_terminate_backend(pg_backend_pid())'); })).rejects.toMatchObject({ code: '57P01' });
  expect((await database.pool.query('select 1 as n')).rows).toEqual([{ n: 1 }]);
});

it('accepts a server that is new enough, and names one that does not let us in without its password', async () => {
  await expect(requireServer(database.url)).resolves.toBeUndefined();
  const wrong = Object.assign(new URL(database.url), { pathname: '/none' }).href;
  await expect(requireServer(wrong)).rejects.toMatchObject({ message: `Postgres at ${new URL(wrong).host}/none does not let us in: 3D000`, cause: { code: '3D000' } });
});

it.each([
  ['postgres://me:secret@db.example:6543/calls', 'db.example:6543/calls'],
  ['postgres://db.example/calls', 'db.example:5432/calls'],
  ['postgres:///calls?host=/run/postgresql', 'the local socket:5432/calls'],
  ['not a url', 'the configured address, which is no postgres:// URL,'],
])('shows of %s only %s', (url, shown) => {
  expect(serverOf(url)).toBe(shown);
});

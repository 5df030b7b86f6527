import { readdir } from 'node:fs/promises';
import { migrate, migrationState } from '../../src/db/migrate.js';
import { createEmptyDatabase, type TestDatabase } from '../support/postgres.js';
import { silentLog } from '../support/silent-log.js';

let database: TestDatabase;
beforeEach(async () => { database = await createEmptyDatabase(); });
afterEach(() => database.drop());

const shipped = (await readdir('migrations')).map((file) => file.replace('.sql', '')).sort();

it('applies every migration in order, once', async () => {
  expect(await migrationState(database.pool)).toEqual({ pending: shipped, unknown: [] });
  expect(await migrate(database.url, silentLog)).toEqual(shipped);
  expect(await migrationState(database.pool)).toEqual({ pending: [], unknown: [] });
  expect(await migrate(database.url, silentLog)).toEqual([]);
});

it('lets daemons that start together all succeed, while one of them migrates', async () => {
  const applied = await Promise.all(Array.from({ length: 4 }, () => migrate(database.url, silentLog)));
  expect(applied.flat()).toEqual(shipped);
});

it('refuses a database that a newer build has migrated, and does nothing to it', async () => {
  await migrate(database.url, silentLog);
  await database.pool.query(`insert into hookswitch_migration (name, run_on) values ('9999_future', now())`);
  await database.pool.query(`delete from hookswitch_migration where name = $1`, [shipped.at(-1)]);
  await expect(migrate(database.url, silentLog)).rejects.toThrow(/ahead of this build.*9999_future/);
  expect(await migrationState(database.pool)).toEqual({ pending: [shipped.at(-1)], unknown: ['9999_future'] });
});

it('undoes a migration that fails, and goes on from there once it can', async () => {
  await database.pool.query('create table api_token (in_the_way int)');
  await expect(migrate(database.url, silentLog)).rejects.toMatchObject({ code: '42P07' });
  expect((await database.pool.query(`select to_regclass('domain') as domain`)).rows).toEqual([{ domain: null }]);
  await database.pool.query('drop table api_token');
  expect(await migrate(database.url, silentLog)).toEqual(shipped);
});

import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { incompatibleOf } from '../../src/db/compatibility.js';
import { migrate, migrationState, OlderDaemonLives } from '../../src/db/migrate.js';
import { heartbeat, register, retire } from '../../src/db/outbox-daemon.js';
import { createPool, type Pool } from '../../src/db/pool.js';
import { createEmptyDatabase, type TestDatabase } from '../support/postgres.js';
import { silentLog } from '../support/silent-log.js';

const STOPS = '9998_stops';
const ADDS = '9999_adds';

let database: TestDatabase;
let older: Pool;
let folder: string;
beforeEach(async () => {
  database = await createEmptyDatabase();
  older = createPool({ url: database.url, max: 1 }, silentLog); // one connection, so it is a session
  folder = await mkdtemp(join(tmpdir(), 'hookswitch-migrations-'));
  await cp('migrations', folder, { recursive: true });
});
afterEach(async () => {
  await older.end();
  await database.drop();
  await rm(folder, { recursive: true });
});

const next = (name: string, compatible: string) => writeFile(join(folder, `${name}.sql`), `-- compatible: ${compatible}\ncreate table "${name}" ();\n`);
const upgrade = (force = false) => migrate(database.url, silentLog, { folder, force });
/** A daemon of the build before, up on today's tables. */
async function startOlder(): Promise<number> {
  await migrate(database.url, silentLog);
  return await register(older, 'pbx', '0.0.9');
}

it('every migration says whether an older daemon may go on', async () => {
  const files = (await readdir('migrations')).filter((name) => name.endsWith('.sql'));
  const says = await Promise.all(files.map(async (name) => ({ name, says: /^-- compatible: (yes|no)$/m.test(await readFile(join('migrations', name), 'utf8')) })));
  expect(says.filter((file) => !file.says)).toEqual([]);
});

it('one that says nothing counts as one that an older daemon cannot live with', async () => {
  await next(ADDS, 'yes');
  await writeFile(join(folder, `${STOPS}.sql`), 'select 1;');
  expect(await incompatibleOf([STOPS, ADDS], folder)).toEqual([STOPS]);
});

it('an older daemon goes on beside a newer one where the migration lets it', async () => {
  const id = await startOlder();
  await next(ADDS, 'yes');
  expect(await upgrade()).toEqual([ADDS]);
  expect(await heartbeat(older, id)).toBe(true);
});

it('what an older daemon cannot live with is refused while it is up, with its name and version, and nothing is done', async () => {
  await startOlder();
  await next(STOPS, 'no');
  await expect(upgrade()).rejects.toThrow(new RegExp(`${STOPS}.*pbx \\(0\\.0\\.9\\).*--force`));
  await expect(upgrade()).rejects.toThrow(OlderDaemonLives);
  expect(await migrationState(database.pool, folder)).toEqual({ pending: [STOPS], unknown: [] });
});

it('a session counts, however long its last heartbeat was ago', async () => {
  await startOlder();
  await database.pool.query(`update daemon set seen_at = now() - interval '1 day'`);
  await next(STOPS, 'no');
  await expect(upgrade()).rejects.toThrow(OlderDaemonLives);
});

it('it is done once the older daemon has stopped', async () => {
  const id = await startOlder();
  await next(STOPS, 'no');
  await retire(older, id);
  expect(await upgrade()).toEqual([STOPS]);
});

it('one that was killed counts as up until it has been silent for 15 s', async () => {
  await startOlder();
  await older.query('select pg_advisory_unlock_all()');
  await next(STOPS, 'no');
  await expect(upgrade()).rejects.toThrow(OlderDaemonLives);
  await database.pool.query(`update daemon set seen_at = now() - interval '16 s'`);
  expect(await upgrade()).toEqual([STOPS]);
});

it('it is done all the same where somebody insists', async () => {
  await startOlder();
  await next(STOPS, 'no');
  expect(await upgrade(true)).toEqual([STOPS]);
});

it('a daemon from before versions were told is known, lives through the change, and is named', async () => {
  const versions = '0010_versions';
  const before = await mkdtemp(join(tmpdir(), 'hookswitch-migrations-'));
  await cp('migrations', before, { recursive: true, filter: (path) => !/00[1-9][0-9]_/.test(path) });
  await migrate(database.url, silentLog, { folder: before });
  await rm(before, { recursive: true });
  const { rows: [row] } = await older.query<{ id: number }>(`insert into daemon (name) values ('old') returning id`);
  await expect(migrate(database.url, silentLog)).resolves.toContain(versions);
  expect(await heartbeat(older, row!.id)).toBe(true);
  await next(STOPS, 'no');
  await expect(upgrade()).rejects.toThrow(/old \(of a version that does not say\)/);
});

import pg from 'pg';
import { append } from '../../src/db/outbox-append.js';
import { forgetSilent, heartbeat, register, releaseUnknown, relock, retire, sweep, takeOver } from '../../src/db/outbox-daemon.js';
import type { NewDelivery } from '../../src/db/outbox.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { flowTo, promiseTo } from '../delivery/promise.js';

const URL = 'http://a.example/hook';
const LEASE_MS = 15_000;

let db: TestDatabase;
const sessions: pg.Client[] = [];
beforeAll(async () => { db = await createDatabase(); });
afterAll(() => db.drop());
beforeEach(() => db.pool.query('truncate delivery, daemon'));
afterEach(async () => { await Promise.all(sessions.splice(0).map((session) => session.end())); });

async function open(): Promise<pg.Client> {
  const session = new pg.Client({ connectionString: db.url });
  await session.connect();
  sessions.push(session);
  return session;
}

/** Ends a session as a killed process would, and waits until the server has noticed. */
async function kill(session: pg.Client): Promise<void> {
  const { rows } = await session.query<{ pid: number }>('select pg_backend_pid() as pid');
  sessions.splice(sessions.indexOf(session), 1);
  await session.end();
  for (;;) if ((await db.pool.query('select from pg_stat_activity where pid = $1', [rows[0]!.pid])).rowCount === 0) return;
}

const lease = (daemonId: number, ...deliveries: NewDelivery[]) => append(db.pool, deliveries.map((delivery) => ({ delivery, lease: true })), { daemonId, holdMs: 1_000 });
const silence = (id: number) => db.pool.query(`update daemon set seen_at = now() - interval '16 s' where id = $1`, [id]);
const rows = async () => (await db.pool.query(`select state, attempt, leased_by from delivery order by position`)).rows as object[];
const daemons = async () => (await db.pool.query<{ id: number }>('select id from daemon order by id')).rows.map(({ id }) => id);

describe('sweep', () => {
  it('returns what a silent daemon holds, the attempt in hand counted', async () => {
    const silent = await register(await open(), 'a');
    await lease(silent, ...flowTo(URL, 'flow', 2));
    await silence(silent);
    expect(await sweep(db.pool, LEASE_MS)).toBe(2);
    expect(await rows()).toEqual([{ state: 'pending', attempt: 1, leased_by: null }, { state: 'pending', attempt: 1, leased_by: null }]);
  });

  it('returns what a daemon holds that nobody knows', async () => {
    await lease(4_711, promiseTo(URL, 'flow', 1));
    expect(await sweep(db.pool, LEASE_MS)).toBe(1);
  });

  it('leaves alone whoever is heard of', async () => {
    const session = await open();
    const id = await register(session, 'a');
    await lease(id, promiseTo(URL, 'flow', 1));
    await silence(id);
    expect(await heartbeat(session, id)).toBe(true);
    expect(await sweep(db.pool, LEASE_MS)).toBe(0);
  });

  it('by several at once returns each row once', async () => {
    await lease(4_711, ...flowTo(URL, 'flow', 50));
    const counts = await Promise.all(Array.from({ length: 5 }, () => sweep(db.pool, LEASE_MS)));
    expect(counts.reduce((sum, count) => sum + count)).toBe(50);
  });

  it('is followed by forgetting, which keeps whoever still holds something', async () => {
    const [empty, holding, alive] = [await register(await open(), 'a'), await register(await open(), 'b'), await register(await open(), 'c')];
    await lease(holding, promiseTo(URL, 'flow', 1));
    await silence(empty);
    await silence(holding);
    await forgetSilent(db.pool, LEASE_MS);
    expect(await daemons()).toEqual([holding, alive]);
    expect(await heartbeat(db.pool, empty)).toBe(false);
  });
});

describe('a restart', () => {
  it('takes over at once from a dead process of its name', async () => {
    const dead = await open();
    await lease(await register(dead, 'pbx'), ...flowTo(URL, 'flow', 2));
    await kill(dead);
    const session = await open();
    const id = await register(session, 'pbx');
    expect(await takeOver(session, id, 'pbx')).toBe(2);
    expect(await rows()).toMatchObject([{ state: 'pending', attempt: 1 }, { state: 'pending', attempt: 1 }]);
    expect(await daemons()).toEqual([id]);
  });

  it('takes nothing from a living one, nor from one of another name', async () => {
    const dead = await open();
    const other = await register(dead, 'other');
    await kill(dead);
    const alive = await register(await open(), 'pbx');
    await lease(other, promiseTo(URL, 'a', 1));
    await lease(alive, promiseTo(URL, 'b', 2));
    const session = await open();
    const id = await register(session, 'pbx');
    expect(await takeOver(session, id, 'pbx')).toBe(0);
    expect(await daemons()).toEqual([other, alive, id]);
  });

  it('leaves no lock behind', async () => {
    const dead = await open();
    await register(dead, 'pbx');
    await kill(dead);
    const session = await open();
    const id = await register(session, 'pbx');
    await takeOver(session, id, 'pbx');
    const { rows: locks } = await db.pool.query(`select objid::integer as id from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`);
    expect(locks).toEqual([{ id }]);
  });

  it('finds a daemon alive that has its lock again on a new connection', async () => {
    const before = await open();
    const id = await register(before, 'pbx');
    const after = await open();
    expect(await relock(after, id)).toBe(false);
    await kill(before);
    expect(await relock(after, id)).toBe(true);
    const newcomer = await open();
    await lease(id, promiseTo(URL, 'flow', 1));
    expect(await takeOver(newcomer, await register(newcomer, 'pbx'), 'pbx')).toBe(0);
  });
});

it('what was leased by a statement whose answer was lost goes back, uncounted', async () => {
  const [known, unknown] = flowTo(URL, 'flow', 2);
  await lease(1, known!, unknown!);
  await lease(2, promiseTo(URL, 'other', 3));
  expect(await releaseUnknown(db.pool, 1, [known!.id])).toBe(1);
  expect(await rows()).toMatchObject([{ state: 'leased', attempt: 1 }, { state: 'pending', attempt: 0 }, { state: 'leased', leased_by: 2 }]);
});

it('who retires leaves nothing leased and is forgotten', async () => {
  const id = await register(await open(), 'a');
  await lease(id, promiseTo(URL, 'flow', 1));
  await lease(99, promiseTo(URL, 'other', 2));
  await retire(db.pool, id);
  expect(await rows()).toMatchObject([{ state: 'pending', attempt: 1 }, { state: 'leased', leased_by: 99 }]);
  expect(await daemons()).toEqual([]);
});

import pg from 'pg';
import { append } from '../../src/db/outbox-append.js';
import { register } from '../../src/db/outbox-daemon.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { startReceiver, type Receiver } from '../support/receiver.js';
import { startDeliveries, type Harness, type HarnessOptions } from './harness.js';
import { promiseTo } from './promise.js';

const QUICK = { timeoutMs: 100, heartbeatMs: 40, leaseMs: 2_000, pollMs: 20 };

let db: TestDatabase;
let receiver: Receiver;
let harness: Harness | undefined;
beforeEach(async () => { db = await createDatabase(); receiver = await startReceiver(); });
afterEach(async () => {
  receiver.releaseHung();
  await harness?.stop();
  harness = undefined;
  await receiver.close();
  await db.drop();
});

async function start(options: HarnessOptions): Promise<Harness> {
  harness = await startDeliveries(db, options);
  return harness;
}

/** Leaves behind what a killed process leaves: a delivery leased to it, and a session that has ended. */
async function leaveBehind(name: string): Promise<void> {
  const session = new pg.Client({ connectionString: db.url });
  await session.connect();
  const daemonId = await register(session, name);
  await append(session, [{ delivery: promiseTo(receiver.url, 'flow', 1), lease: true }], { daemonId, holdMs: 600_000 });
  const { rows } = await session.query<{ pid: number }>('select pg_backend_pid() as pid');
  await session.end();
  for (;;) if ((await db.pool.query('select from pg_stat_activity where pid = $1', [rows[0]!.pid])).rowCount === 0) return;
}

it('a restart sends at once what the killed process had in hand', async () => {
  await leaveBehind('pbx');
  await start({ name: 'pbx', leaseMs: 3_600_000 });
  expect((await receiver.next()).headers['x-hookswitch-attempt']).toBe('2');
});

it('a silent daemon\'s deliveries are taken over, but by nobody who has not been heard of himself for as long', async () => {
  await leaveBehind('other');
  await db.pool.query(`update daemon set seen_at = now() - interval '1 day'`);
  const startedAtMs = performance.now();
  await start({ name: 'pbx', ...QUICK });
  expect((await receiver.next()).headers['x-hookswitch-attempt']).toBe('2');
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(QUICK.leaseMs);
  await harness!.deliveries.idle();
  await harness!.stop();
  harness = undefined;
  expect((await db.pool.query('select from daemon')).rowCount).toBe(0);
});

it('a daemon that was taken for dead counts its late answer as lost, and goes on under a new number', async () => {
  const { deliveries, metrics } = await start({ name: 'pbx', ...QUICK, timeoutMs: 1_000, leaseMs: 3_000 }); // time enough for what follows
  receiver.answerWith('hang');
  deliveries.add([promiseTo(receiver.url, 'flow', 1)]);
  await receiver.received(1);
  await deliveries.flushed();
  await db.pool.query(`with gone as (delete from daemon) update delivery set state = 'pending', leased_by = null`);
  await receiver.received(2); // the first POST hangs until its deadline
  await deliveries.idle();
  const attempt = Number(receiver.posts[1]!.headers['x-hookswitch-attempt']);
  expect(attempt).toBeGreaterThan(1);
  expect((await db.pool.query('select state, attempt from delivery')).rows).toEqual([{ state: 'delivered', attempt }]);
  expect((await metrics.lostLeases.get()).values[0]!.value).toBeGreaterThan(0);
  expect((await db.pool.query('select from daemon')).rowCount).toBe(1);
});

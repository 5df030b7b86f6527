import type { Logger } from '../../src/log.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { asAdmin } from '../support/server.js';
import { startReceiver, type Receiver } from '../support/receiver.js';
import { startDeliveries, type Harness } from './harness.js';
import { flowTo } from './promise.js';

let db: TestDatabase;
let receiver: Receiver;
let harness: Harness;
let said: ReturnType<typeof listen>;
beforeEach(async () => {
  db = await createDatabase();
  receiver = await startReceiver();
  said = listen();
  harness = await startDeliveries(db, { log: said.log, waitsMs: Array.from({ length: 20 }, () => 5), pollMs: 20, heartbeatMs: 500, leaseMs: 12_000 });
});
afterEach(async () => {
  await harness.stop();
  await receiver.close();
  await db.drop();
});

/** A log that can be waited for. */
function listen() {
  const lines: string[] = [];
  const waiters: { message: string; resolve: () => void }[] = [];
  const take = (message: string) => {
    lines.push(message);
    for (const waiter of waiters) if (waiter.message === message) waiter.resolve();
  };
  const log: Logger = { debug: take, info: take, warn: take, error: take, child: () => log };
  return { log, lines, heard: (message: string) => new Promise<void>((resolve) => { if (lines.includes(message)) resolve(); else waiters.push({ message, resolve }); }) };
}

const killConnections = () => db.pool.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`);
const lanes = Array.from({ length: 60 }, (_, index) => index);

it('connections killed in mid-work lose nothing, and no lane its order', async () => {
  receiver.otherwise(({ headers }) => Number(headers['x-hookswitch-attempt']) === 1 && Number(headers['x-hookswitch-sequence']) % 4 === 0 ? 500 : 200);
  for (let round = 0; round < 10; round += 1) {
    harness.deliveries.add(lanes.flatMap((lane) => flowTo(`http://127.0.0.1:${receiver.port}/${lane % 6}`, `flow ${lane}`, 10).slice(round, round + 1)));
    await receiver.received(receiver.posts.length + 20);
    if (round % 2 === 1) await killConnections();
  }
  const allTaken = () => new Set(receiver.posts.map(({ headers }) => headers['webhook-id'])).size === 600;
  await receiver.until(allTaken);
  await harness.deliveries.idle();
  for (const lane of lanes) {
    const first = new Set(receiver.posts.filter(({ body }) => (JSON.parse(body) as { flow: string }).flow === `flow ${lane}`).map(({ headers }) => Number(headers['x-hookswitch-sequence'])));
    expect([...first]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  }
  expect((await db.pool.query(`select state, count(*)::integer from delivery group by state`)).rows).toEqual([{ state: 'delivered', count: 600 }]);
});

it('while Postgres is away everything is kept, nothing is sent, and it is said once', async () => {
  const name = new URL(db.url).pathname.slice(1);
  const allow = (connections: boolean) => asAdmin(db.url, async (admin) => {
    await admin.query(`alter database ${name} with allow_connections ${connections}`);
    await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = $1`, [name]);
  });
  await allow(false);
  harness.deliveries.add(flowTo(receiver.url, 'flow', 5));
  await said.heard('outbox cannot be written, keeping everything in memory');
  expect(harness.deliveries.buffered()).toBe(5);
  expect(receiver.posts).toHaveLength(0);
  await allow(true);
  await harness.deliveries.flushed();
  expect(harness.deliveries.buffered()).toBe(0);
  await receiver.received(5);
  await harness.deliveries.idle();
  expect(receiver.posts.map(({ headers }) => headers['x-hookswitch-sequence'])).toEqual(['1', '2', '3', '4', '5']);
  expect(said.lines.filter((line) => line.startsWith('outbox'))).toEqual(['outbox cannot be written, keeping everything in memory', 'outbox written again']);
});

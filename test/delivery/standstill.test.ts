import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { startReceiver, type Receiver } from '../support/receiver.js';
import { startDeliveries, type Harness } from './harness.js';
import { startProcess } from './process.js';

const QUICK = { timeoutMs: 500, heartbeatMs: 40, leaseMs: 2_000, pollMs: 20 };

let db: TestDatabase;
let receiver: Receiver;
let stopped: Awaited<ReturnType<typeof startProcess>>;
let other: Harness | undefined;
beforeEach(async () => {
  db = await createDatabase();
  receiver = await startReceiver();
  stopped = await startProcess(db.url, { name: 'stopped', ...QUICK });
});
afterEach(async () => {
  await stopped.end();
  receiver.releaseHung();
  await other?.stop();
  other = undefined;
  await receiver.close();
  await db.drop();
});

const rows = async () => (await db.pool.query('select sequence, state, attempt, last_status from delivery order by sequence')).rows as object[];

it('a process that stood still for longer than its leases neither sends nor settles what another took over, and then goes on as before', async () => {
  receiver.answerWith('hang');
  await stopped.add(receiver.url, 'flow', 3);
  await receiver.received(1);
  stopped.signal('SIGSTOP');

  other = await startDeliveries(db, { name: 'other', ...QUICK });
  await receiver.received(4);
  await other.deliveries.idle();
  const taken = [1, 2, 3].map((sequence) => ({ sequence, state: 'delivered', attempt: 2, last_status: 200 }));
  expect(await rows()).toEqual(taken);

  receiver.releaseHung(418); // its late answer must not be what is remembered
  stopped.signal('SIGCONT');
  expect((await stopped.idle()).lostLeases).toBe(1);
  expect(await rows()).toEqual(taken);
  expect(receiver.posts.map(({ headers }) => `${String(headers['x-hookswitch-sequence'])}/${String(headers['x-hookswitch-attempt'])}`)).toEqual(['1/1', '1/2', '2/2', '3/2']);

  await stopped.add(receiver.url, 'later', 2);
  await receiver.received(6);
  expect(await stopped.idle()).toEqual({ lostLeases: 1 });
  await other.deliveries.idle(); // it may have been the one to send them
  expect((await db.pool.query(`select attempt, state from delivery where flow_id = 'later'`)).rows).toEqual([1, 2].map(() => ({ attempt: 1, state: 'delivered' })));
});

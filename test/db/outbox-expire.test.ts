import { append } from '../../src/db/outbox-append.js';
import { claim, FIRST_DAY } from '../../src/db/outbox-claim.js';
import { expire } from '../../src/db/outbox-expire.js';
import { createSession, type Session } from '../../src/db/outbox-session.js';
import type { NewDelivery } from '../../src/db/outbox.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { flowTo, promiseTo, TODAY } from '../delivery/promise.js';

const URL = 'http://a.example/hook';
const us = { daemonId: 1, holdMs: 600_000, since: FIRST_DAY };

let db: TestDatabase;
beforeAll(async () => { db = await createDatabase(); });
afterAll(() => db.drop());
beforeEach(() => db.pool.query('truncate delivery'));

const wait = (deliveries: NewDelivery[], lease = false) => append(db.pool, deliveries.map((delivery) => ({ delivery, lease, expiresInMs: 60_000 })), us);
const outlive = (...positions: number[]) => db.pool.query(`update delivery set expires_at = now() - interval '1 s', occurred_at = now() - interval '901 s' where position = any ($1)`, [positions]);
const table = async () => (await db.pool.query('select position, state, attempt, last_reason, settled_at is not null as settled from delivery order by position')).rows as object[];

it('ends what has waited too long, and nothing else', async () => {
  await wait(flowTo(URL, 'flow', 3));
  await wait([promiseTo(URL, 'forever', 4)]);
  await db.pool.query('update delivery set expires_at = null where position = 4');
  await outlive(1, 2);
  expect(await expire(db.pool, 10)).toEqual([promiseTo(URL, 'flow', 1).urlKey, promiseTo(URL, 'flow', 2).urlKey]);
  expect(await table()).toEqual([
    { position: 1, state: 'expired', attempt: 0, last_reason: 'expired after 900 s', settled: true }, { position: 2, state: 'expired', attempt: 0, last_reason: 'expired after 900 s', settled: true },
    { position: 3, state: 'pending', attempt: 0, last_reason: null, settled: false }, { position: 4, state: 'pending', attempt: 0, last_reason: null, settled: false },
  ]);
});

it('ends what is held, too', async () => {
  await append(db.pool, [{ delivery: promiseTo(URL, 'flow', 1, { held: true }), lease: false, expiresInMs: 60_000 }], us);
  await outlive(1);
  expect(await expire(db.pool, 10)).toHaveLength(1);
  expect(await table()).toMatchObject([{ state: 'expired', attempt: 0 }]);
});

it('lets the lane go on', async () => {
  const [first, second] = flowTo(URL, 'flow', 2) as [NewDelivery, NewDelivery];
  await wait([first, second]);
  await outlive(1);
  await expire(db.pool, 10);
  expect(await claim(db.pool, [{ urlKey: first.urlKey, room: 9 }], us)).toMatchObject([{ id: second.id, sequence: 2 }]);
});

it('leaves what is leased to its holder', async () => {
  await wait([promiseTo(URL, 'flow', 1)], true);
  await outlive(1);
  expect(await expire(db.pool, 10)).toEqual([]);
  expect(await table()).toMatchObject([{ state: 'leased' }]);
});

it('by several at once ends each row once, in bounded batches', async () => {
  await wait(Array.from({ length: 50 }, (_, index) => promiseTo(URL, `flow ${index}`, 1)));
  await outlive(1);
  expect(await expire(db.pool, 10)).toHaveLength(10);
  const rest = await Promise.all(Array.from({ length: 4 }, () => expire(db.pool, 10)));
  let ended = rest.flat().length;
  while (ended < 40) ended += (await expire(db.pool, 10)).length;
  expect(ended).toBe(40);
});

it('finds them through the index that holds only them, also by a plan made while the table was empty', async () => {
  const session: Session = createSession(db.pool, { deadlineMs: 10_000 });
  for (let times = 0; times < 6; times += 1) await expire(session, 1_000);
  await wait(Array.from({ length: 2_000 }, (_, index) => promiseTo(URL, `flow ${index}`, index)));
  const scans = async () => {
    await session.query('select pg_stat_force_next_flush()');
    const { rows } = await db.pool.query<{ scans: number }>(`select idx_scan as scans from pg_stat_user_indexes where indexrelname = 'delivery_${TODAY.replaceAll('-', '')}_expires_at_idx'`);
    return rows[0]!.scans;
  };
  const before = await scans();
  await expire(session, 1_000);
  expect(await scans()).toBe(before + 1);
  session.close();
});

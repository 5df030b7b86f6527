import { append } from '../../src/db/outbox-append.js';
import { claim, dueUrls, FIRST_DAY, FIRST_URL, firstWaitingDay } from '../../src/db/outbox-claim.js';
import { releaseUnknown, sweep } from '../../src/db/outbox-daemon.js';
import { expire } from '../../src/db/outbox-expire.js';
import { createSession, type Session } from '../../src/db/outbox-session.js';
import { settle, type Settlement } from '../../src/db/outbox-settle.js';
import type { NewDelivery } from '../../src/db/outbox.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { flowTo, TODAY } from '../delivery/promise.js';

const URL = 'http://a.example/hook';
const us = { daemonId: 1, holdMs: 600_000, since: FIRST_DAY };
const LANES = 500;
const ROWS = LANES * 4;

let db: TestDatabase;
let session: Session;
beforeAll(async () => {
  db = await createDatabase();
  session = createSession(db.pool, { deadlineMs: 30_000 });
  await workOn(flowTo(URL, 'first', 1)); // every plan is made now, and kept
});
afterAll(async () => { session.close(); await db.drop(); });

const outcomes = (kind: 'released' | 'delivered', of: readonly NewDelivery[]): Settlement[] =>
  of.map(({ id }) => ({ id, day: TODAY, attempt: 1, outcome: kind === 'released' ? { kind } : { kind, status: 200 }, record: { startedAt: new Date(), timing: { totalMs: 1 } } }));

async function workOn(deliveries: readonly NewDelivery[]): Promise<void> {
  await append(session, deliveries.map((delivery) => ({ delivery, lease: true, expiresInMs: 60_000 })), us);
  await settle(session, outcomes('released', deliveries), us);
  await firstWaitingDay(session);
  await dueUrls(session, FIRST_URL, 10, us.since);
  const heads = await claim(session, [{ urlKey: deliveries[0]!.urlKey, room: LANES }], us);
  await releaseUnknown(session, us.daemonId, heads.map(({ id }) => id));
  await sweep(session, 1_000);
  await expire(session, 1_000);
}

/** How many index entries the statements have read. */
async function entriesRead(): Promise<number> {
  await session.query('select pg_stat_force_next_flush()');
  await session.query('select 1'); // with which the last statement's are told
  const { rows } = await db.pool.query<{ read: number }>(`select sum(idx_tup_read)::float8 as read from pg_stat_user_indexes where relname ~ '^(delivery|attempt)'`);
  return rows[0]!.read;
}

it('statements go through an index for each row, and read little more than what they are about', async () => {
  const before = await entriesRead();
  await workOn(Array.from({ length: LANES }, (_, lane) => flowTo(URL, `flow ${lane}`, 4)).flat());
  const read = await entriesRead() - before;
  expect(read).toBeGreaterThan(ROWS);
  expect(read).toBeLessThan(12 * ROWS);
});

it('no plan compares all rows of one table with all of another', async () => {
  const { rows: statements } = await session.query<{ name: string; types: string[]; text: string }>(
    `select name, parameter_types::text[] as types, statement as text from pg_prepared_statements where statement ~ 'delivery' and statement !~ 'pg_stat'`);
  expect(statements.length).toBeGreaterThanOrEqual(8);
  for (const { name, types, text } of statements) {
    const values = types.map((type) => (type === 'date' ? `'${TODAY}'` : 'null'));
    const { rows } = await session.query<{ 'QUERY PLAN': string }>(`explain execute ${name}${values.length > 0 ? `(${values.join(', ')})` : ''}`);
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan).toContain('Index');
    if (/Materialize|Join Filter|Seq Scan on (delivery|attempt)/.test(plan)) throw new Error(`${text}\n\n${plan}`);
  }
});

it('what is about one day looks into no partition but that day\'s', async () => {
  const elsewhere = async () => {
    await session.query('select pg_stat_force_next_flush()');
    await session.query('select 1');
    const { rows } = await db.pool.query<{ scans: number }>(`select sum(idx_scan + seq_scan)::float8 as scans from pg_stat_user_tables where relname ~ '^(delivery|attempt)_' and relname !~ $1`, [TODAY.replaceAll('-', '')]);
    return rows[0]!.scans;
  };
  const before = await elsewhere();
  const deliveries = flowTo(URL, 'later', 3);
  await append(session, deliveries.map((delivery) => ({ delivery, lease: true })), us);
  await settle(session, outcomes('delivered', deliveries), us);
  expect(await elsewhere()).toBe(before);
});

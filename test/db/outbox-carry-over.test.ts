import { readdir, readFile } from 'node:fs/promises';
import { createEmptyDatabase, type TestDatabase } from '../support/postgres.js';

let db: TestDatabase;
beforeEach(async () => { db = await createEmptyDatabase(); });
afterEach(() => db.drop());

const apply = async (files: readonly string[]) => { for (const file of files) await db.pool.query(await readFile(`migrations/${file}`, 'utf8')); };

const NOW = new Date();
const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);
const DAY_MS = 86_400_000;

/** A row as it was before there were days. */
const insert = (flow: string, sequence: number, ago: number, rest: { lane?: number; state?: string; body?: string } = {}) => db.pool.query(
  `insert into delivery (id, lane, url_key, url, subscription_id, domain_uuid, event, flow_id, call_id, position, sequence, body, occurred_at, created_at, expires_at, state, attempt, due_at, leased_by, settled_at)
   values (gen_random_uuid(), $1, 7, 'http://a', gen_random_uuid(), gen_random_uuid(), 'ringing', $2, $2, $3, $3, $4, $5, $5, $5::timestamptz + interval '15 min', $6, 1, $5,
           case when $6 = 'leased' then 3 end, case when $6 = 'delivered' then $5::timestamptz end)`,
  [rest.lane ?? 1, flow, sequence, rest.body ?? '{"from_number":"09","to_number":"10"}', new Date(NOW.getTime() - ago * DAY_MS), rest.state ?? 'pending']);

it('what an earlier version has promised goes to its day, as it was; numbers that were given twice are given anew', async () => {
  const files = (await readdir('migrations')).sort();
  await apply(files.filter((file) => file < '0005'));
  await insert('plain', 1, 0, { lane: 1, state: 'delivered' });
  await insert('plain', 2, 0, { lane: 1, state: 'leased' });
  for (const sequence of [1, 2, 2, 3]) await insert('twice', sequence, 3, { lane: 2 });
  await insert('old', 4, 400, { lane: 3, body: 'no JSON, with "from_number":"a\\"b"' });
  await insert('long', 5, 0, { lane: 4 });
  await db.pool.query(`insert into open_flow (owner, switch_name, flow_id, core_id, position, state) values ('a', 'b', 'long', 'c', 1, $1)`, [JSON.stringify({ version: 1, legs: [{ id: 'long', born: { atUs: (NOW.getTime() - 2 * DAY_MS) * 1_000 } }] })]);
  await apply(files.filter((file) => file >= '0005'));
  const { rows } = await db.pool.query(`select flow_id as flow, day::text, array_agg(sequence order by sequence) as numbers, array_agg(state order by sequence) as states, max(from_number) as "from", max(ttl_ms) as ttl, min(leased_by) as holder
    from delivery group by 1, 2 order by 1`);
  const common = { from: '09', ttl: 900_000, holder: null };
  expect(rows).toEqual([
    { flow: 'long', day: dayOf(NOW.getTime() - 2 * DAY_MS), numbers: [5], states: ['pending'], ...common },
    { flow: 'old', day: dayOf(NOW.getTime() - 400 * DAY_MS), numbers: [4], states: ['pending'], ...common, from: '' },
    { flow: 'plain', day: dayOf(NOW.getTime()), numbers: [1, 2], states: ['delivered', 'leased'], ...common, holder: 3 },
    { flow: 'twice', day: dayOf(NOW.getTime() - 3 * DAY_MS), numbers: [1, 2, 3, 4], states: ['pending', 'pending', 'pending', 'pending'], ...common },
  ]);
  expect((await db.pool.query('select from delivery_default')).rowCount).toBe(1);
});

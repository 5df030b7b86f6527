import { append, type Appended } from '../../src/db/outbox-append.js';
import { claim, FIRST_DAY } from '../../src/db/outbox-claim.js';
import { settle } from '../../src/db/outbox-settle.js';
import type { FlowRecord, NewDelivery } from '../../src/db/outbox.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { flowTo, promiseTo, TODAY } from '../delivery/promise.js';

const URL = 'http://a.example/hook';
const HOLD_MS = 600_000;
const us = { daemonId: 1, holdMs: HOLD_MS, since: FIRST_DAY };
const others = { ...us, daemonId: 2 };
const [first, second, third] = flowTo(URL, 'flow', 3) as [NewDelivery, NewDelivery, NewDelivery];

let db: TestDatabase;
beforeAll(async () => { db = await createDatabase(); });
afterAll(() => db.drop());
beforeEach(() => db.pool.query('truncate delivery, open_flow'));

const add = (deliveries: NewDelivery[], by = us, lease = true): Promise<Appended[]> =>
  append(db.pool, deliveries.map((delivery) => ({ delivery, lease })), by);
const leases = (rows: Appended[], of: NewDelivery[]) => of.map(({ id }) => rows.find((row) => row.id === id)?.leased);
const settleAs = (kind: 'delivered' | 'retry', delivery: NewDelivery, by = us, afterMs = 60_000) => settle(db.pool, [{
  id: delivery.id, day: TODAY, attempt: 1, outcome: kind === 'retry' ? { kind, reason: 'status 503', status: 503, afterMs } : { kind, status: 200 },
}], by);
const table = async () => (await db.pool.query(
  `select position, sequence, state, attempt, leased_by from delivery order by flow_id, position`)).rows as object[];

describe('append', () => {
  it('stores what a receiver will be told, and leases it as the first attempt', async () => {
    expect(await add([first])).toEqual([{ id: first.id, sequence: 1, leased: true, raced: false, expired: false }]);
    const { rows } = await db.pool.query(`select id, lane::text, url_key::text, url, subscription_id, domain_uuid, event, flow_id, call_id, from_number, to_number, day::text, position, sequence,
      body, occurred_at, state, attempt, leased_by, first_attempt_at is not null as begun, due_at <= now() as due from delivery`);
    expect(rows).toEqual([{
      id: first.id, lane: first.lane, url_key: first.urlKey, url: URL, subscription_id: first.subscriptionId, domain_uuid: first.domainId, event: 'call.ringing',
      flow_id: 'flow', call_id: 'flow', from_number: '0912345678', to_number: '1001', day: TODAY, position: 1, sequence: 1, body: first.body, occurred_at: first.occurredAt, state: 'leased', attempt: 1, leased_by: 1, begun: true, due: true,
    }]);
  });

  it('is harmless when repeated, whatever became of the row', async () => {
    await add([first, second]);
    await settleAs('delivered', first);
    expect(await add([first, second])).toEqual([]);
    expect(await add([first, second, third], others)).toEqual([{ id: third.id, sequence: 3, leased: false, raced: false, expired: false }]);
    expect(await table()).toMatchObject([{ state: 'delivered' }, { state: 'leased', leased_by: 1 }, { state: 'pending', leased_by: null }]);
  });

  it('gives no lease that was not asked for, nor one behind such a row', async () => {
    const rows = await append(db.pool, [{ delivery: first, lease: false }, { delivery: second, lease: true }, { delivery: promiseTo(URL, 'other', 1), lease: true }], us);
    expect(leases(rows, [first, second, promiseTo(URL, 'other', 1)])).toEqual([false, false, true]);
  });

  it('leases a whole lane to one process, also over several batches', async () => {
    await add([first]);
    expect(leases(await add([second, third]), [second, third])).toEqual([true, true]);
  });

  it.each<[string, () => Promise<unknown>, boolean]>([
    ['leased by another process', () => add([first], others), false],
    ['waiting for its turn', () => add([first], us, false), false],
    ['waiting for its retry', async () => { await add([first]); await settleAs('retry', first); }, false],
    ['delivered', async () => { await add([first], others); await settleAs('delivered', first, others); }, true],
  ])('behind a row that is %s', async (_name, before, leased) => {
    await before();
    expect(leases(await add([second]), [second])).toEqual([leased]);
  });

  it('does not look at other lanes', async () => {
    await add([promiseTo('http://b.example', 'flow', 1)], others);
    expect(leases(await add([first]), [first])).toEqual([true]);
  });

  it('keeps what is held for a disabled subscription: it is not sent, has its number, and is in nobody\'s way', async () => {
    const rows = await add([{ ...first, held: true }, second]);
    expect(leases(rows, [first, second])).toEqual([false, true]);
    expect(leases(await add([third]), [third])).toEqual([true]);
    expect(await table()).toMatchObject([{ sequence: 1, state: 'held', attempt: 0 }, { sequence: 2, state: 'leased' }, { sequence: 3, state: 'leased' }]);
  });

  it('takes what is of several days, each to its own', async () => {
    const long = [promiseTo(URL, 'yesterday', 1, { flowDay: '2026-01-01' }), promiseTo(URL, 'flow', 1), promiseTo(URL, 'yesterday', 2, { flowDay: '2026-01-01' })];
    expect(leases(await add(long), long)).toEqual([true, true, true]);
    expect(await add(long)).toEqual([]);
    expect((await db.pool.query('select day::text, sequence from delivery order by day, sequence')).rows).toEqual([
      { day: '2026-01-01', sequence: 1 }, { day: '2026-01-01', sequence: 2 }, { day: TODAY, sequence: 1 },
    ]);
  });

  it('lets a row wait as long as the retry before it', async () => {
    await add([first]);
    await settleAs('retry', first);
    await add([second, third]);
    const { rows } = await db.pool.query(`select count(distinct due_at)::integer as dues, min(due_at) > now() + interval '50 s' as later from delivery`);
    expect(rows).toEqual([{ dues: 1, later: true }]);
  });

  it('no longer than that retry may hold its lane', async () => {
    await add([first]);
    await settleAs('retry', first, us, HOLD_MS * 10);
    await add([second]);
    const { rows } = await db.pool.query(`select due_at <= now() + interval '600 s' as held from delivery order by position`);
    expect(rows).toEqual([{ held: false }, { held: true }]);
  });

  it('numbers a lane without gaps, over batches and skipped positions', async () => {
    await add([promiseTo(URL, 'flow', 2), promiseTo(URL, 'flow', 7)]);
    await settleAs('delivered', promiseTo(URL, 'flow', 2));
    await add([promiseTo(URL, 'flow', 9), promiseTo(URL, 'flow', 8), promiseTo(URL, 'other', 3)]);
    expect(await table()).toMatchObject([
      { position: 2, sequence: 1 }, { position: 7, sequence: 2 }, { position: 8, sequence: 3 }, { position: 9, sequence: 4 }, { position: 3, sequence: 1 },
    ]);
  });

  it('puts what is new behind all that is there, though its teller has missed the beginning and counts from less', async () => {
    await add(flowTo(URL, 'flow', 4));
    const late = [promiseTo(URL, 'flow', 5, { position: 1 }), promiseTo(URL, 'flow', 6, { position: 2 }), promiseTo(URL, 'flow', 7, { position: 9 })];
    expect((await add(late, others)).map(({ sequence }) => sequence).sort()).toEqual([5, 6, 7]);
    expect((await db.pool.query('select sequence, position from delivery order by sequence')).rows.slice(4)).toEqual([
      { sequence: 5, position: 5 }, { sequence: 6, position: 6 }, { sequence: 7, position: 9 },
    ]);
    expect(await add([promiseTo(URL, 'flow', 8, { position: 3 })])).toMatchObject([{ sequence: 8 }]);
  });

  it('counts what the table knows already once', async () => {
    await add([first]);
    expect(await add([first, second, third], others)).toMatchObject([{ sequence: 2 }, { sequence: 3 }]);
  });
});

describe('what came too late', () => {
  const late = (delivery: NewDelivery, agoMs = 900_000) => ({ delivery, lease: true, expiresInMs: -agoMs });
  const news = (delivery: NewDelivery) => ({ delivery, lease: true, expiresInMs: 900_000 });
  const occurredAt = new Date(Date.now() - 3_600_000);

  it('is recorded, visibly expired, and never leased', async () => {
    const stale = { ...first, occurredAt, synthetic: 'reconciled' as const };
    expect(await append(db.pool, [late(stale, 2_700_000)], us)).toEqual([{ id: first.id, sequence: 1, leased: false, raced: false, expired: true }]);
    const { rows } = await db.pool.query(`select state, attempt, leased_by, last_reason, synthetic, settled_at is not null as settled from delivery`);
    expect(rows).toEqual([{ state: 'expired', attempt: 0, leased_by: null, last_reason: expect.stringMatching(/^expired after 9\d\d s$/) as string, synthetic: 'reconciled', settled: true }]);
  });

  it('holds nothing of its lane, neither in its batch nor after it', async () => {
    expect(leases(await append(db.pool, [late(first), news(second)], us), [first, second])).toEqual([false, true]);
    expect(leases(await append(db.pool, [news(third)], us), [third])).toEqual([true]);
    expect(await table()).toMatchObject([{ sequence: 1, state: 'expired' }, { sequence: 2, state: 'leased' }, { sequence: 3, state: 'leased' }]);
  });

  it('changes nothing of what was there in time', async () => {
    await append(db.pool, [news(first)], others);
    expect(await append(db.pool, [late(first), news(second)], us)).toEqual([{ id: second.id, sequence: 2, leased: false, raced: false, expired: false }]);
    expect(await table()).toMatchObject([{ state: 'leased', leased_by: 2 }, { state: 'pending' }]);
  });
});

describe('what is kept of a flow', () => {
  const record = (flowId: string, position: number, state: string | null): FlowRecord => ({ switchName: 'pbx', flowId, coreId: 'core', position, state });
  const kept = async () => (await db.pool.query('select owner, flow_id, core_id, position, state from open_flow order by owner, flow_id')).rows as object[];
  const keep = (records: FlowRecord[], owner = 'a', deliveries: NewDelivery[] = []) => append(db.pool, deliveries.map((delivery) => ({ delivery, lease: true })), us, { owner, records });

  it('is written with its deliveries, replaced by what is known later, and gone when the flow has ended', async () => {
    await keep([record('x', 1, '{"told":1}'), record('y', 1, '{}')], 'a', [first]);
    expect(await kept()).toEqual([{ owner: 'a', flow_id: 'x', core_id: 'core', position: 1, state: '{"told":1}' }, { owner: 'a', flow_id: 'y', core_id: 'core', position: 1, state: '{}' }]);
    await keep([record('x', 2, '{"told":2}'), record('y', 2, null), record('never kept', 1, null)], 'a', [second]);
    expect(await kept()).toEqual([{ owner: 'a', flow_id: 'x', core_id: 'core', position: 2, state: '{"told":2}' }]);
    expect(await table()).toHaveLength(2);
  });

  it('needs no delivery', async () => {
    expect(await keep([record('x', 0, '{}')])).toEqual([]);
    expect(await kept()).toMatchObject([{ flow_id: 'x' }]);
  });

  it('is not there when its deliveries could not be stored, nor they without it', async () => {
    await expect(keep([record('x', 1, '{}')], 'a', [promiseTo(URL, 'flow', 1, { callId: 'nul \0' })])).rejects.toMatchObject({ code: '22021' });
    await expect(keep([record('x', 1, 'nul \0')], 'a', [first])).rejects.toMatchObject({ code: '22021' });
    expect([await kept(), await table()]).toEqual([[], []]);
  });

  it('belongs to one daemon, who waits for no other', async () => {
    const client = await db.pool.connect();
    await client.query('begin');
    await append(client, [], others, { owner: 'b', records: [record('x', 7, '{}')] }); // holds the row until it is committed
    await keep([record('x', 1, '{}')]);
    await keep([record('x', 2, null)]);
    await client.query('commit');
    client.release();
    expect(await kept()).toMatchObject([{ owner: 'b', position: 7 }]);
  });

  const PATIENCE_MS = 30_000;
  it('changes on its page, and its index entry stays', async () => {
    const state = JSON.stringify({ legs: 'x'.repeat(700) });
    const flows = Array.from({ length: 50 }, (_, index) => `flow ${index}`);
    const changes = async () => (await db.pool.query<{ all: number; hot: number }>(`select n_tup_upd as all, n_tup_hot_upd as hot from pg_stat_user_tables where relname = 'open_flow'`)).rows[0]!;
    /** The share of twenty changes of each that stayed on their page. */
    const shareOnPage = async () => {
      const before = await changes();
      for (let position = 1; position <= 20; position += 1) await keep(flows.map((flow) => record(flow, position, state)));
      await db.pool.query('select pg_stat_force_next_flush()');
      const { all, hot } = await changes();
      return (hot - before.hot) / (all - before.all);
    };
    // Nothing dead is cleared away while a transaction that was there before goes on, in whichever database of the server: an autovacuum,
    // or another test's. With an index over what changes nothing would stay, however often: so one time has to do.
    const until = performance.now() + PATIENCE_MS;
    let share = await shareOnPage();
    while (share <= 0.9 && performance.now() < until) share = await shareOnPage();
    expect(share).toBeGreaterThan(0.9);
  }, 2 * PATIENCE_MS);
});

describe('two processes that append at once', () => {
  it('number a lane alike, in whatever portions they come to it', async () => {
    let seed = 11;
    const upTo = (limit: number) => { seed = (seed * 48_271) % 2_147_483_647; return 1 + seed % limit; };
    const lanes = Array.from({ length: 30 }, (_, index) => flowTo(URL, `flow ${index}`, 8));
    const tell = async (by: typeof us) => {
      for (let from = 0; from < 8;) {
        const to = from + upTo(3);
        await add(lanes.flatMap((lane) => lane.slice(Math.max(0, from - 1), to)), by); // each portion repeats the end of the one before
        from = to;
      }
    };
    await Promise.all([us, others, { ...us, daemonId: 3 }].map(tell));
    const { rows } = await db.pool.query(`select count(*)::integer as rows, bool_and(sequence = position) as alike from delivery`);
    expect(rows).toEqual([{ rows: 240, alike: true }]);
  });

  it('make one row of each promise, numbered alike, without a deadlock', async () => {
    const lanes = Array.from({ length: 40 }, (_, index) => flowTo(URL, `flow ${index}`, 5));
    await Promise.all(lanes.flatMap((lane, index) => [add(lane, us), add([...lane, ...(lanes[index + 1] ?? [])].reverse(), others)]));
    const { rows } = await db.pool.query(`select count(*)::integer as rows, bool_and(sequence = position) as alike from delivery`);
    expect(rows).toEqual([{ rows: 200, alike: true }]);
  });

  it('never give one number twice, though each tells of other things', async () => {
    const lanes = Array.from({ length: 25 }, (_, index) => `flow ${index}`);
    const told = (teller: number, round: number) => lanes.map((flow) => [promiseTo(URL, flow, 100 * teller + 2 * round, { position: round + 1 }), promiseTo(URL, flow, 100 * teller + 2 * round + 1, { position: round + 2 })]);
    await Promise.all([1, 2, 3].map(async (teller) => {
      for (let round = 0; round < 5; round += 1) await add(told(teller, round).flat(), { ...us, daemonId: teller });
    }));
    const { rows } = await db.pool.query(`select flow_id, array_agg(sequence order by sequence) as numbers, array_agg(position order by sequence) as positions from delivery group by flow_id`);
    expect(rows).toHaveLength(25);
    for (const { numbers, positions } of rows as { numbers: number[]; positions: number[] }[]) {
      expect(numbers).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
      expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    }
    const numbers = new Map((await db.pool.query<{ id: string; sequence: number }>('select id, sequence from delivery')).rows.map(({ id, sequence }) => [id, sequence]));
    for (const [earlier, later] of [1, 2, 3].flatMap((teller) => told(teller, 3))) expect(numbers.get(earlier!.id)).toBeLessThan(numbers.get(later!.id)!);
  });

  it('begin anew where another has taken the number, and lose nothing of the batch', async () => {
    const client = await db.pool.connect();
    await client.query('begin');
    await append(client, [{ delivery: promiseTo(URL, 'flow', 50), lease: true }], others); // not committed yet
    const racing = append(db.pool, [first, second].map((delivery) => ({ delivery, lease: true })), us, { owner: 'a', records: [{ switchName: 'pbx', flowId: 'flow', coreId: 'core', position: 2, state: '{}' }] });
    await lockWaited();
    await client.query('commit');
    client.release();
    expect((await racing).map(({ id, sequence, leased, raced }) => ({ id, sequence, leased, raced }))).toEqual([
      { id: first.id, sequence: 2, leased: false, raced: false }, { id: second.id, sequence: 3, leased: false, raced: false },
    ]);
    expect((await db.pool.query('select from open_flow')).rowCount).toBe(1);
  });

  it('never both send one lane: who raced another to it is told so', async () => {
    const client = await db.pool.connect();
    await client.query('begin');
    await append(client, [{ delivery: first, lease: true }], others); // not committed yet, so nobody sees it
    const racing = add([first, second, promiseTo(URL, 'free', 1)]);
    await lockWaited();
    await client.query('commit');
    client.release();
    const rows = await racing;
    expect(rows.find(({ id }) => id === second.id)).toMatchObject({ leased: true, raced: true, sequence: 2 });
    expect(rows.find(({ id }) => id === promiseTo(URL, 'free', 1).id)).toMatchObject({ leased: true, raced: false });
    await settle(db.pool, [{ id: second.id, day: TODAY, attempt: 1, outcome: { kind: 'released' } }], us);
    expect(await claim(db.pool, [{ urlKey: second.urlKey, room: 9 }], us)).toEqual([]);
  });
});

/** Resolves when a statement in this database waits for another's lock. */
async function lockWaited(): Promise<void> {
  for (;;) {
    const { rowCount } = await db.pool.query(`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`);
    if (rowCount! > 0) return;
  }
}

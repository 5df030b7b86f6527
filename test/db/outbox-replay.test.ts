import { append } from '../../src/db/outbox-append.js';
import { claim, FIRST_DAY } from '../../src/db/outbox-claim.js';
import { dropHeld, releaseHeld, replay, retryDelivery, type ReplayFilter } from '../../src/db/outbox-replay.js';
import type { NewDelivery } from '../../src/db/outbox.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { flowTo, promiseTo, SUBSCRIPTION } from '../delivery/promise.js';

const URL = 'http://a.example/hook';
const us = { daemonId: 1, holdMs: 600_000, since: FIRST_DAY };
const [first, second, third] = flowTo(URL, 'flow', 3) as [NewDelivery, NewDelivery, NewDelivery];
const DOMAIN = first.domainId;
const STRANGER = 'd0000000-0000-4000-8000-000000000009';

let db: TestDatabase;
beforeAll(async () => { db = await createDatabase(); });
afterAll(() => db.drop());
beforeEach(() => db.pool.query('truncate delivery'));

const wait = (...deliveries: NewDelivery[]) => append(db.pool, deliveries.map((delivery) => ({ delivery, lease: false, expiresInMs: 60_000, ttlMs: 900_000 })), us);
const become = (state: string, ...deliveries: NewDelivery[]) => db.pool.query(
  `update delivery set state = $1, attempt = 11, first_attempt_at = now(), settled_at = case when $1 in ('held', 'pending') then null else now() end, last_reason = 'status 500' where id = any ($2)`,
  [state, deliveries.map(({ id }) => id)]);
const row = async ({ id }: NewDelivery) => (await db.pool.query(
  `select state, attempt, attempts_before, sequence, settled_at, replayed_at is not null as replayed, due_at <= now() as due, round(extract(epoch from expires_at - now()) / 60)::integer as "leftMin" from delivery where id = $1`, [id])).rows[0] as Record<string, unknown>;
const states = async () => (await db.pool.query<{ state: string }>('select state from delivery order by flow_id, sequence')).rows.map(({ state }) => state);

describe('a retry on request', () => {
  it.each(['abandoned', 'expired', 'delivered'])('makes what is %s due once more, with the same number, more attempts, and new time', async (state) => {
    await wait(first);
    await become(state, first);
    expect(await retryDelivery(db.pool, DOMAIN, first.id)).toBe('retried');
    expect(await row(first)).toEqual({ state: 'pending', attempt: 11, attempts_before: 11, sequence: 1, settled_at: null, replayed: true, due: true, leftMin: 15 });
    expect(await claim(db.pool, [{ urlKey: first.urlKey, room: 1 }], us)).toMatchObject([{ id: first.id, sequence: 1, attempt: 12, attemptsBefore: 11, replayed: true, alone: false }]);
  });

  it('of what is held is no replay', async () => {
    await append(db.pool, [{ delivery: { ...first, held: true }, lease: false }], us);
    expect(await retryDelivery(db.pool, DOMAIN, first.id)).toBe('retried');
    expect(await row(first)).toMatchObject({ state: 'pending', replayed: false });
  });

  it('does nothing to what is on its way, nor to another tenant\'s, nor to what is not there', async () => {
    await wait(first, second);
    await become('abandoned', second);
    expect([
      await retryDelivery(db.pool, DOMAIN, first.id), await retryDelivery(db.pool, STRANGER, second.id), await retryDelivery(db.pool, DOMAIN, third.id),
    ]).toEqual(['in-progress', 'not-found', 'not-found']);
    expect(await states()).toEqual(['pending', 'abandoned']);
  });

  it('asked for several times at once happens once', async () => {
    await wait(first);
    await become('abandoned', first);
    const answers = await Promise.all(Array.from({ length: 5 }, () => retryDelivery(db.pool, DOMAIN, first.id)));
    expect(answers.filter((answer) => answer === 'retried')).toHaveLength(1);
  });

  it('keeps its place in the lane', async () => {
    await wait(first, second, third);
    await become('delivered', second);
    await become('abandoned', first);
    await retryDelivery(db.pool, DOMAIN, first.id);
    expect(await claim(db.pool, [{ urlKey: first.urlKey, room: 9 }], us)).toMatchObject([{ id: first.id }]);
    expect(await claim(db.pool, [{ urlKey: first.urlKey, room: 9 }], us)).toEqual([]);
  });
});

describe('a replay', () => {
  const all = async (filter: Partial<ReplayFilter>, limit = 1_000) => {
    let [total, cursor]: [number, string | null] = [0, null];
    do {
      const progress = await replay(db.pool, { domainId: DOMAIN, ...filter }, limit, cursor);
      expect(progress.replayed).toBeLessThanOrEqual(limit);
      total += progress.replayed;
      cursor = progress.cursor;
    } while (cursor !== null);
    return total;
  };

  it('sends again what was not taken, and leaves the rest', async () => {
    await wait(first, second, third, promiseTo(URL, 'other', 1), promiseTo(URL, 'strange', 1, { domainId: STRANGER }));
    await become('abandoned', first, promiseTo(URL, 'strange', 1));
    await become('delivered', second);
    await become('expired', promiseTo(URL, 'other', 1));
    expect(await all({})).toBe(2);
    expect(await states()).toEqual(['pending', 'delivered', 'pending', 'pending', 'abandoned']);
    expect(await row(first)).toMatchObject({ attempts_before: 11, replayed: true, leftMin: 15 });
    expect(await all({})).toBe(0);
    expect(await all({ states: ['delivered'] })).toBe(1);
  });

  it.each<[string, Partial<ReplayFilter>, string[]]>([
    ['a subscription', { subscriptionId: '5a000000-0000-4000-8000-000000000002' }, ['c']],
    ['a call', { callId: 'leg of a' }, ['a']],
    ['a flow', { callId: 'b' }, ['b']],
    ['a caller', { number: '0700' }, ['b']],
    ['a callee', { number: '0800' }, ['c']],
    ['a time', { from: new Date('2026-01-01T00:00:00Z'), to: new Date('2026-01-02T00:00:00Z') }, ['b']],
    ['nothing that is there', { callId: 'a', number: '0800' }, []],
  ])('of %s is of nothing else', async (_name, filter, expected) => {
    const made = [
      promiseTo(URL, 'a', 1, { callId: 'leg of a' }), promiseTo(URL, 'b', 1, { fromNumber: '0700' }),
      promiseTo(URL, 'c', 1, { toNumber: '0800', subscriptionId: '5a000000-0000-4000-8000-000000000002' }),
    ];
    await wait(...made);
    await become('abandoned', ...made);
    await db.pool.query(`update delivery set created_at = '2026-01-01T12:00:00Z' where flow_id = 'b'`);
    await all(filter);
    expect((await db.pool.query<{ flow: string }>(`select flow_id as flow from delivery where state = 'pending' order by 1`)).rows.map(({ flow }) => flow)).toEqual(expected);
  });

  it('goes on from its cursor, in the order of each lane, and tells how far it is', async () => {
    const lanes = Array.from({ length: 20 }, (_, index) => flowTo(URL, `flow ${index}`, 5)).flat();
    await wait(...lanes);
    await become('abandoned', ...lanes);
    const early = await replay(db.pool, { domainId: DOMAIN }, 37);
    expect(early).toMatchObject({ replayed: 37, cursor: expect.any(String) as string });
    const { rows } = await db.pool.query(`select from delivery d join delivery before using (lane) where d.state = 'pending' and before.state <> 'pending' and before.sequence < d.sequence`);
    expect(rows).toEqual([]);
    expect(await all({}, 10)).toBe(63);
    await expect(replay(db.pool, { domainId: DOMAIN }, 1, 'rubbish')).rejects.toThrow(RangeError);
  });

  it('looks at no more at once than one statement may take', async () => {
    await db.pool.query(`insert into delivery (id, lane, url_key, subscription_id, domain_uuid, occurred_at, due_at, settled_at, day, position, sequence, attempt, state, event, url, flow_id, call_id, body)
      select gen_random_uuid(), n, 1, $1, $2, now(), now(), now(), (now() at time zone 'utc')::date, 1, 1, 1, 'delivered', 'x', 'x', 'x', 'x', '' from generate_series(1, 20001) n`, [SUBSCRIPTION, DOMAIN]);
    const progress = await replay(db.pool, { domainId: DOMAIN }, 10);
    expect(progress).toMatchObject({ replayed: 0, looked: 20_000 });
    expect(await replay(db.pool, { domainId: DOMAIN }, 10, progress.cursor)).toEqual({ replayed: 0, looked: 1, cursor: null });
  });
});

describe('what is held', () => {
  const held = (count: number) => wait(...flowTo(URL, 'flow', count).map((delivery): NewDelivery => ({ ...delivery, held: true })));

  it('is due when its subscription is enabled, and only then', async () => {
    await held(3);
    await wait(promiseTo(URL, 'other', 1, { subscriptionId: '5a000000-0000-4000-8000-000000000002', held: true }));
    expect(await claim(db.pool, [{ urlKey: first.urlKey, room: 9 }], us)).toEqual([]);
    expect(await releaseHeld(db.pool, SUBSCRIPTION)).toBe(3);
    expect(await states()).toEqual(['pending', 'pending', 'pending', 'held']);
    expect(await claim(db.pool, [{ urlKey: first.urlKey, room: 9 }], us)).toMatchObject([{ id: first.id, replayed: false }]);
  });

  it('may be given up instead, with the reason', async () => {
    await held(2);
    expect(await dropHeld(db.pool, SUBSCRIPTION)).toBe(2);
    expect((await db.pool.query('select distinct state, last_reason, settled_at is not null as settled from delivery')).rows).toEqual([{ state: 'abandoned', last_reason: 'dropped while its subscription was disabled', settled: true }]);
  });
});

import { append } from '../../src/db/outbox-append.js';
import { claim, FIRST_DAY } from '../../src/db/outbox-claim.js';
import { settle, type Settlement } from '../../src/db/outbox-settle.js';
import type { NewDelivery } from '../../src/db/outbox.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { flowTo, promiseTo, TODAY } from '../delivery/promise.js';

const URL = 'http://a.example/hook';
const us = { daemonId: 1, holdMs: 600_000, since: FIRST_DAY };
const [first, second, third] = flowTo(URL, 'flow', 3) as [NewDelivery, NewDelivery, NewDelivery];

let db: TestDatabase;
beforeAll(async () => { db = await createDatabase(); });
afterAll(() => db.drop());
beforeEach(() => db.pool.query('truncate delivery'));

const lease = (...deliveries: NewDelivery[]) => append(db.pool, deliveries.map((delivery) => ({ delivery, lease: true })), us);
const wait = (...deliveries: NewDelivery[]) => append(db.pool, deliveries.map((delivery) => ({ delivery, lease: false })), us);
const row = async ({ id }: NewDelivery) => (await db.pool.query(
  `select state, attempt, leased_by, last_status, last_reason, settled_at is not null as settled, first_attempt_at is not null as begun,
          round(extract(epoch from due_at - now()))::integer as "dueInS" from delivery where id = $1`, [id])).rows[0] as Record<string, unknown>;
const retry = (delivery: NewDelivery, afterMs = 60_000): Settlement => ({ id: delivery.id, day: TODAY, attempt: 1, outcome: { kind: 'retry', reason: 'status 503', status: 503, afterMs } });
const delivered = ({ id }: NewDelivery): Settlement => ({ id, day: TODAY, attempt: 1, outcome: { kind: 'delivered', status: 200 } });
const released = ({ id }: NewDelivery, attempt = 1): Settlement => ({ id, day: TODAY, attempt, outcome: { kind: 'released' } });

describe('settle', () => {
  it('records each outcome of a batch', async () => {
    const [a, b, c] = [promiseTo(URL, 'a', 1), promiseTo(URL, 'b', 1), promiseTo(URL, 'c', 1)];
    await lease(a, b, c);
    const settled = await settle(db.pool, [delivered(a), retry(b), { id: c.id, day: TODAY, attempt: 1, outcome: { kind: 'abandoned', reason: 'unsubscribed' } }], us);
    expect(settled.map(({ id }) => id).sort()).toEqual([a.id, b.id, c.id].sort());
    expect(await row(a)).toMatchObject({ state: 'delivered', attempt: 1, leased_by: null, last_status: 200, last_reason: null, settled: true });
    expect(await row(b)).toMatchObject({ state: 'pending', attempt: 1, leased_by: null, last_status: 503, last_reason: 'status 503', settled: false, dueInS: 60 });
    expect(await row(c)).toMatchObject({ state: 'abandoned', attempt: 1, leased_by: null, last_status: null, last_reason: 'unsubscribed', settled: true });
  });

  it.each<[string, () => Promise<unknown>, Settlement, typeof us]>([
    ['another attempt', () => db.pool.query(`update delivery set attempt = 2`), delivered(first), us],
    ['another holder', () => db.pool.query(`update delivery set leased_by = 2`), delivered(first), us],
    ['nobody any more', () => db.pool.query(`update delivery set state = 'pending', leased_by = null`), retry(first), us],
    ['a lease that is settled', () => settle(db.pool, [delivered(first)], us), retry(first), us],
  ])('changes nothing where the lease has passed to %s', async (_name, meanwhile, late, by) => {
    await lease(first);
    await meanwhile();
    const before = await row(first);
    expect(await settle(db.pool, [late], by)).toEqual([]);
    expect(await row(first)).toEqual(before);
  });

  it('keeps the record of each POST, and none of what was not sent or not ours', async () => {
    await db.pool.query(`insert into daemon (id, name) overriding system value values (1, 'pbx-1')`);
    const startedAt = new Date('2026-02-03T04:05:06.789Z');
    const record = { startedAt, timing: { connectMs: 1.5, firstByteMs: 20.25, totalMs: 22 }, excerpt: 'try\0 later', status: 503, reason: 'status 503' };
    await lease(first, second);
    await settle(db.pool, [{ ...retry(first), record }, released(second), { ...delivered(third), record }], us);
    const [again] = await claim(db.pool, [{ urlKey: first.urlKey, room: 1 }], us).then(async (none) => {
      expect(none).toEqual([]);
      await db.pool.query('update delivery set due_at = now()');
      return claim(db.pool, [{ urlKey: first.urlKey, room: 1 }], us);
    });
    await settle(db.pool, [{ id: first.id, day: TODAY, attempt: again!.attempt, outcome: { kind: 'delivered', status: 200 }, record: { startedAt, timing: { totalMs: 5 } } }], us);
    expect((await db.pool.query('select *, day::text from attempt order by number')).rows).toEqual([
      { delivery_id: first.id, day: TODAY, number: 1, started_at: startedAt, daemon: 'pbx-1', outcome: 'retry', status: 503, reason: 'status 503', dns_ms: null, connect_ms: 1.5, tls_ms: null, first_byte_ms: 20.25, total_ms: 22, excerpt: 'try later' },
      { delivery_id: first.id, day: TODAY, number: 2, started_at: startedAt, daemon: 'pbx-1', outcome: 'delivered', status: 200, reason: null, dns_ms: null, connect_ms: null, tls_ms: null, first_byte_ms: null, total_ms: 5, excerpt: null },
    ]);
    await db.pool.query('truncate attempt, daemon');
  });

  it('holds what its subscription is disabled for, at no cost of an attempt, and lets the lane go on', async () => {
    await lease(first);
    await wait(second);
    expect(await settle(db.pool, [{ id: first.id, day: TODAY, attempt: 1, outcome: { kind: 'held' } }], us)).toEqual([{ id: first.id, attempt: 1, frees: true }]);
    expect(await row(first)).toMatchObject({ state: 'held', attempt: 0, leased_by: null, settled: false, begun: false });
    expect(await claim(db.pool, [{ urlKey: first.urlKey, room: 9 }], us)).toMatchObject([{ id: second.id }]);
  });

  it('settles what is of several days', async () => {
    const old = promiseTo(URL, 'old', 1, { flowDay: '2026-01-01' });
    await lease(first, old);
    const settled = await settle(db.pool, [delivered(first), { ...delivered(old), day: '2026-01-01' }], us);
    expect(settled.map(({ id }) => id).sort()).toEqual([first.id, old.id].sort());
  });

  it('tells when the lane has more to claim', async () => {
    await lease(first);
    await wait(second);
    const other = promiseTo(URL, 'other', 1);
    await lease(other);
    const settled = await settle(db.pool, [delivered(first), delivered(other)], us);
    expect(new Map(settled.map(({ id, frees }) => [id, frees]))).toEqual(new Map([[first.id, true], [other.id, false]]));
  });
});

describe('a retry', () => {
  it('puts off the lane behind it, and nothing else', async () => {
    const elsewhere = promiseTo('http://b.example', 'flow', 5);
    await lease(first);
    await wait(second, third, elsewhere);
    await settle(db.pool, [retry(first)], us);
    expect(await Promise.all([second, third].map(row))).toMatchObject([{ dueInS: 60 }, { dueInS: 60 }]);
    expect(await row(elsewhere)).toMatchObject({ dueInS: 0 });
  });

  it('takes what is leased behind it back with it, at no cost of attempts', async () => {
    await lease(first, second, third);
    await settle(db.pool, [retry(first), released(second), released(third)], us);
    for (const follower of [second, third]) {
      expect(await row(follower)).toMatchObject({ state: 'pending', attempt: 0, leased_by: null, dueInS: 60, last_reason: null, begun: false });
    }
  });

  it('puts off nothing for longer than it may hold the lane', async () => {
    await lease(first, second);
    await wait(third);
    await settle(db.pool, [retry(first, 86_400_000), released(second)], us);
    expect(await row(first)).toMatchObject({ dueInS: 86_400 });
    expect(await Promise.all([second, third].map(row))).toMatchObject([{ dueInS: 600 }, { dueInS: 600 }]);
  });

  it('puts off nothing once it holds the lane no more', async () => {
    await lease(first, second);
    await db.pool.query(`update delivery set first_attempt_at = now() - interval '11 minutes' where id = $1`, [first.id]);
    await settle(db.pool, [retry(first), released(second)], us);
    expect(await row(second)).toMatchObject({ state: 'pending', dueInS: 0 });
  });

  it('brings no row forward', async () => {
    await lease(first);
    await wait(second);
    await db.pool.query(`update delivery set due_at = now() + interval '1 hour' where id = $1`, [second.id]);
    await settle(db.pool, [retry(first)], us);
    expect(await row(second)).toMatchObject({ dueInS: 3_600 });
  });
});

describe('a time to live', () => {
  const leaseFor = (delivery: NewDelivery, expiresInMs: number) => append(db.pool, [{ delivery, lease: true, expiresInMs }], us);
  const expired = ({ id }: NewDelivery, attempt = 1): Settlement => ({ id, day: TODAY, attempt, outcome: { kind: 'expired' } });

  it('ends what was not sent in time, which is no attempt, and frees the lane', async () => {
    const expiresAtMs = first.occurredAt.getTime() + 900_000;
    await lease(first);
    await db.pool.query(`update delivery set expires_at = to_timestamp($1)`, [expiresAtMs / 1_000]);
    await wait(second);
    expect(await settle(db.pool, [expired(first)], us)).toEqual([{ id: first.id, attempt: 1, frees: true }]);
    expect(await row(first)).toMatchObject({ state: 'expired', attempt: 0, leased_by: null, last_reason: 'expired after 900 s', settled: true, begun: false });
  });

  it('ends it with the reason why it had to wait', async () => {
    await leaseFor(first, 60_000);
    await settle(db.pool, [retry(first, 0)], us);
    const [again] = await claim(db.pool, [{ urlKey: first.urlKey, room: 1 }], us);
    await settle(db.pool, [expired(first, again!.attempt)], us);
    expect(await row(first)).toMatchObject({ state: 'expired', attempt: 1, last_status: 503, last_reason: expect.stringMatching(/^expired after \d+ s: status 503$/) as string });
  });

  it('is the longest that a retry is put off, and what waits behind it', async () => {
    await leaseFor(first, 30_000);
    await wait(second);
    await settle(db.pool, [retry(first, 60_000)], us);
    expect(await row(first)).toMatchObject({ state: 'pending', dueInS: 30 });
    expect(await row(second)).toMatchObject({ state: 'pending', dueInS: 30 });
  });
});

describe('a release', () => {
  it('hands a lease back as if it had never been given', async () => {
    await lease(first);
    expect(await settle(db.pool, [released(first)], us)).toMatchObject([{ id: first.id }]);
    expect(await row(first)).toMatchObject({ state: 'pending', attempt: 0, leased_by: null, begun: false, dueInS: 0 });
    expect(await claim(db.pool, [{ urlKey: first.urlKey, room: 1 }], us)).toMatchObject([{ id: first.id, attempt: 1 }]);
  });

  it('of a later attempt keeps the earlier ones, and how long the lane has been held', async () => {
    await lease(first);
    await settle(db.pool, [retry(first, 0)], us);
    const [again] = await claim(db.pool, [{ urlKey: first.urlKey, room: 1 }], us);
    await settle(db.pool, [released(first, again!.attempt)], us);
    expect(await row(first)).toMatchObject({ state: 'pending', attempt: 1, begun: true, last_status: 503 });
  });

  it('does not take from another what it has claimed meanwhile', async () => {
    await lease(first);
    await settle(db.pool, [released(first)], us);
    await claim(db.pool, [{ urlKey: first.urlKey, room: 1 }], { ...us, daemonId: 2 });
    expect(await settle(db.pool, [released(first)], us)).toEqual([]);
    expect(await row(first)).toMatchObject({ state: 'leased', leased_by: 2, attempt: 1 });
  });
});

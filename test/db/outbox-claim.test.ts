import { append } from '../../src/db/outbox-append.js';
import { claim, dueUrls, FIRST_DAY, FIRST_URL, firstWaitingDay, type Claimed } from '../../src/db/outbox-claim.js';
import { settle } from '../../src/db/outbox-settle.js';
import type { NewDelivery } from '../../src/db/outbox.js';
import { urlKey } from '../../src/webhook/identity.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { flowTo, promiseTo, TODAY } from '../delivery/promise.js';

const URL = 'http://a.example/hook';
const us = { daemonId: 1, holdMs: 600_000, since: FIRST_DAY };
const others = { ...us, daemonId: 2 };

let db: TestDatabase;
beforeAll(async () => { db = await createDatabase(); });
afterAll(() => db.drop());
beforeEach(() => db.pool.query('truncate delivery'));

const wait = (deliveries: NewDelivery[]) => append(db.pool, deliveries.map((delivery) => ({ delivery, lease: false })), us);
const claimFor = (url: string, room: number, by = us): Promise<Claimed[]> => claim(db.pool, [{ urlKey: urlKey(url), room }], by);
const outcome = (delivery: Claimed, kind: 'delivered' | 'retry', by = us) => settle(db.pool, [{
  id: delivery.id, day: delivery.day, attempt: delivery.attempt, outcome: kind === 'retry' ? { kind, reason: 'ETIMEDOUT', afterMs: 60_000 } : { kind, status: 200 },
}], by);
const single = (url: string, count: number) => Array.from({ length: count }, (_, index) => promiseTo(url, `flow ${index}`, 1));

describe('claim', () => {
  it('gives all that is needed to send', async () => {
    const promise = promiseTo(URL, 'flow', 3, { synthetic: 'lost' });
    await append(db.pool, [{ delivery: promise, lease: false, expiresInMs: 900_000, ttlMs: 900_000 }], us);
    const [claimed] = await claimFor(URL, 1);
    expect(claimed).toEqual({
      id: promise.id, day: TODAY, lane: promise.lane, urlKey: promise.urlKey, url: URL, subscriptionId: promise.subscriptionId, domainId: promise.domainId, event: 'call.ringing', flowId: promise.flowId,
      sequence: 1, body: promise.body, attempt: 1, attemptsBefore: 0, alone: false, synthetic: 'lost', replayed: false,
      expiresInMs: expect.any(Number) as number,
    });
    expect(claimed!.expiresInMs).toBeGreaterThan(800_000);
    expect(claimed!.expiresInMs).toBeLessThanOrEqual(900_000);
  });

  it('never gives one delivery to two claimants', async () => {
    await wait(single(URL, 100));
    const claimed = await Promise.all(Array.from({ length: 10 }, (_, daemonId) => claimFor(URL, 10, { ...us, daemonId, holdMs: 1 })));
    const ids = claimed.flat().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const rest = await claimFor(URL, 100);
    expect(ids.length + rest.length).toBe(100);
  });

  it('hands out heads only, each when the one before is through', async () => {
    await wait([...flowTo(URL, 'a', 3), ...flowTo(URL, 'b', 2)]);
    const heads = await claimFor(URL, 9);
    expect(heads.map(({ sequence }) => sequence)).toEqual([1, 1]);
    expect(await claimFor(URL, 9, others)).toEqual([]);
    await outcome(heads[0]!, 'delivered');
    const next = await claimFor(URL, 9, others);
    expect(next).toMatchObject([{ lane: heads[0]!.lane, sequence: 2 }]);
  });

  it('keeps a lane waiting for its head\'s retry', async () => {
    await wait(flowTo(URL, 'a', 3));
    const [head] = await claimFor(URL, 1);
    await outcome(head!, 'retry');
    expect(await claimFor(URL, 9)).toEqual([]);
    await db.pool.query(`update delivery set due_at = now()`);
    expect(await claimFor(URL, 9)).toMatchObject([{ id: head!.id, attempt: 2, alone: false }]);
  });

  it('lets the lane move on when its head has held it for long enough, and the head goes on by itself', async () => {
    const short = { ...us, holdMs: 60_000 };
    await wait(flowTo(URL, 'a', 3));
    const [head] = await claimFor(URL, 1, short);
    await settle(db.pool, [{ id: head!.id, day: TODAY, attempt: 1, outcome: { kind: 'retry', reason: 'status 500', status: 500, afterMs: 3_600_000 } }], short);
    expect(await claimFor(URL, 9, short)).toEqual([]);
    await db.pool.query(`update delivery set first_attempt_at = first_attempt_at - interval '1 minute', due_at = due_at - interval '1 minute'`);
    const [follower] = await claimFor(URL, 9, short);
    expect(follower).toMatchObject({ sequence: 2, alone: false });
    await db.pool.query(`update delivery set due_at = now() where id = $1`, [head!.id]);
    expect(await claimFor(URL, 9, short)).toMatchObject([{ id: head!.id, attempt: 2, alone: true }]);
  });

  it('takes the longest waiting first, and no more than each URL\'s share', async () => {
    await wait([...single(URL, 5), ...single('http://b.example', 5), ...single('http://c.example', 5)]);
    await db.pool.query(`update delivery set due_at = now() - interval '1 hour' where flow_id = 'flow 3'`);
    const claimed = await claim(db.pool, [{ urlKey: urlKey(URL), room: 1 }, { urlKey: urlKey('http://b.example'), room: 2 }], us);
    const counts = claimed.map(({ url }) => url).sort();
    expect(counts).toEqual([URL, 'http://b.example', 'http://b.example']);
    expect(claimed.find(({ url }) => url === URL)!.id).toBe(promiseTo(URL, 'flow 3', 1).id);
  });
});

describe('the first day to look into', () => {
  const TODAY_MS = Date.parse(TODAY);
  const dayAgo = (days: number) => new Date(TODAY_MS - days * 86_400_000).toISOString().slice(0, 10);

  it('is that of the oldest that waits or is leased, but yesterday at the latest', async () => {
    expect(await firstWaitingDay(db.pool)).toBe(dayAgo(1));
    const old = promiseTo(URL, 'old', 1, { flowDay: dayAgo(9) });
    await wait([promiseTo(URL, 'new', 1), old]);
    expect(await firstWaitingDay(db.pool)).toBe(dayAgo(9));
    expect(await claimFor(URL, 9, { ...us, since: dayAgo(1) })).toMatchObject([{ day: TODAY }]);
    const [claimed] = await claimFor(URL, 9, { ...us, since: dayAgo(9) });
    expect(claimed).toMatchObject({ id: old.id, day: dayAgo(9) });
    expect(await firstWaitingDay(db.pool)).toBe(dayAgo(9));
    await outcome(claimed!, 'delivered');
    expect(await firstWaitingDay(db.pool)).toBe(dayAgo(1));
  });
});

describe('dueUrls', () => {
  const urls = Array.from({ length: 7 }, (_, index) => `http://${index}.example`);

  it('finds each URL that has something due, part by part', async () => {
    await wait(urls.flatMap((url) => single(url, 20)));
    await db.pool.query(`update delivery set due_at = now() + interval '1 hour' where url = $1 or (url = $2 and flow_id <> 'flow 7')`, [urls[0], urls[1]]);
    await claimFor(urls[2]!, 20);
    const found: string[] = [];
    let after = FIRST_URL;
    let parts = 0;
    do {
      const { due, next } = await dueUrls(db.pool, after, 2, FIRST_DAY);
      found.push(...due);
      after = next;
      parts += 1;
    } while (after !== FIRST_URL);
    expect(found.sort()).toEqual(urls.slice(1).filter((url) => url !== urls[2]).map(urlKey).sort());
    expect(parts).toBe(4);
  });

  it('finds nothing where nothing waits', async () => {
    expect(await dueUrls(db.pool, FIRST_URL, 10, FIRST_DAY)).toEqual({ due: [], next: FIRST_URL });
  });
});

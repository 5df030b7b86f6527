import { disableFailing, disableSubscription, reportHealth, takeChanges, type HealthReport } from '../../src/db/receiver-health.js';
import { upsertSubscription } from '../../src/db/subscriptions.js';
import { addDomain } from '../../src/db/tenants.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';

const URL = 'https://a.example/hook';
const DAY_MS = 86_400_000;

let db: TestDatabase;
let acme: string;
let other: string;
beforeAll(async () => { db = await createDatabase(); });
afterAll(() => db.drop());
beforeEach(async () => {
  await db.pool.query('truncate domain cascade');
  [acme, other] = [(await addDomain(db.pool, 'acme.example')).domain.id, (await addDomain(db.pool, 'other.example')).domain.id];
  for (const domain of [acme, other]) {
    for (const event of ['ringing', 'cdr']) await upsertSubscription(db.pool, domain, event, URL, '');
    await db.pool.query(`insert into receiver (domain_uuid, callback_url, secret) values ($1, $2, 'whsec_') on conflict do nothing`, [domain, URL]);
  }
});

const report = (rest: Partial<HealthReport> = {}): HealthReport => ({ domainId: acme, url: URL, answered: false, failingMs: 1_000, lastFailure: 'status 500', ...rest });
const well = () => report({ answered: true, failingMs: null, lastFailure: null });
const failing = async (domain = acme) => (await db.pool.query<{ ms: number | null; last: string | null }>(
  `select round(extract(epoch from now() - failing_since) * 1000)::float8 as ms, last_failure as last from receiver where domain_uuid = $1`, [domain])).rows[0]!;
const enabled = async (domain = acme) => (await db.pool.query<{ enabled: boolean }>('select enabled from event_domain where domain_uuid = $1 order by 1', [domain])).rows.map((row) => row.enabled);

describe('a receiver', () => {
  it('fails since its first failure, by the clock of Postgres, whoever else reports it later', async () => {
    await reportHealth(db.pool, [report({ failingMs: 60_000 })]);
    await reportHealth(db.pool, [report({ failingMs: 5_000, lastFailure: 'ETIMEDOUT' })]);
    const { ms, last } = await failing();
    expect(ms).toBeGreaterThanOrEqual(60_000);
    expect(last).toBe('ETIMEDOUT');
    expect(await failing(other)).toEqual({ ms: null, last: null });
  });

  it('does not fail that one daemon reaches', async () => {
    await reportHealth(db.pool, [report({ failingMs: 4 * DAY_MS })]);
    await reportHealth(db.pool, [well()]);
    expect(await failing()).toEqual({ ms: null, last: 'status 500' });
    await reportHealth(db.pool, [report({ answered: true, failingMs: 500 })]);
    expect((await failing()).ms).toBeLessThan(60_000);
  });

  it('that is well costs no write', async () => {
    const version = async () => (await db.pool.query('select xmin::text, updated_at from receiver order by domain_uuid')).rows as object[];
    const before = await version();
    await reportHealth(db.pool, [well(), { ...well(), domainId: other }]);
    expect(await version()).toEqual(before);
    await reportHealth(db.pool, [report()]);
    const failed = await version();
    await reportHealth(db.pool, [report()]);
    expect(await version()).toEqual(failed);
  });

  it('that nobody knows is no fault', async () => {
    await reportHealth(db.pool, [report({ url: 'https://b.example' })]);
  });

  it('may be reported by many at once', async () => {
    const both = [report(), report({ domainId: other })];
    await Promise.all(Array.from({ length: 20 }, (_, index) => reportHealth(db.pool, index % 2 === 0 ? both : both.toReversed())));
    expect((await failing()).ms).not.toBeNull();
  });
});

describe('what has failed for too long', () => {
  it('is disabled with its reason: all the subscriptions of that tenant there, and no others', async () => {
    await upsertSubscription(db.pool, acme, 'ringing', 'https://b.example', '');
    await reportHealth(db.pool, [report({ failingMs: 5 * DAY_MS + 1 }), report({ domainId: other, failingMs: 5 * DAY_MS + 1 })]);
    const changed = await disableFailing(db.pool, [report()], 5 * DAY_MS);
    expect(changed.map(({ event, domainName, url, enabled: on }) => ({ event, domainName, url, on })).sort((a, b) => a.event.localeCompare(b.event))).toEqual([
      { event: 'cdr', domainName: 'acme.example', url: URL, on: false }, { event: 'ringing', domainName: 'acme.example', url: URL, on: false },
    ]);
    expect(changed[0]!.disabledReason).toMatch(/^nothing but failures since \d{4}-\d\d-\d\d \d\d:\d\d UTC: status 500$/);
    expect(await enabled()).toEqual([false, false, true]);
    expect(await enabled(other)).toEqual([true, true]);
  });

  it('is not what has failed for less', async () => {
    await reportHealth(db.pool, [report({ failingMs: 5 * DAY_MS - 60_000 })]);
    expect(await disableFailing(db.pool, [report()], 5 * DAY_MS)).toEqual([]);
    expect(await enabled()).toEqual([true, true]);
  });

  it('has all its time anew once it is enabled again', async () => {
    await reportHealth(db.pool, [report({ failingMs: 6 * DAY_MS })]);
    await disableFailing(db.pool, [report()], 5 * DAY_MS);
    await db.pool.query('update event_domain set enabled = true');
    await reportHealth(db.pool, [report()]);
    expect(await disableFailing(db.pool, [report()], 5 * DAY_MS)).toEqual([]);
    expect(await enabled()).toEqual([true, true]);
  });

  it('is disabled by one of many daemons', async () => {
    await reportHealth(db.pool, [report({ failingMs: 6 * DAY_MS })]);
    const changed = await Promise.all(Array.from({ length: 10 }, () => disableFailing(db.pool, [report()], 5 * DAY_MS)));
    expect(changed.filter(({ length }) => length > 0)).toHaveLength(1);
    expect(changed.flat()).toHaveLength(2);
  });
});

it('one subscription is disabled by one of many, for its own tenant only', async () => {
  const { id } = (await upsertSubscription(db.pool, acme, 'ringing', URL, ''))!;
  expect(await disableSubscription(db.pool, other, id, 'status 410')).toBe(false);
  const done = await Promise.all(Array.from({ length: 5 }, () => disableSubscription(db.pool, acme, id, 'status 410')));
  expect(done.filter(Boolean)).toHaveLength(1);
  expect(await enabled()).toEqual([false, true]);
  expect((await db.pool.query('select disabled_reason from event_domain where event_domain_uuid = $1', [id])).rows).toEqual([{ disabled_reason: 'status 410' }]);
});

describe('each change', () => {
  it('is told to one of many daemons, whoever made it', async () => {
    expect(await takeChanges(db.pool)).toEqual([]); // what was made is no news
    await db.pool.query(`update event_domain set enabled = false where domain_uuid = $1`, [acme]);
    const told = (await Promise.all(Array.from({ length: 5 }, () => takeChanges(db.pool)))).flat();
    expect(told.map(({ domainName, enabled: on, disabledReason }) => ({ domainName, on, disabledReason }))).toEqual(Array.from({ length: 2 }, () => ({ domainName: 'acme.example', on: false, disabledReason: null })));
    await db.pool.query(`update event_domain set enabled = true where domain_uuid = $1 and event_name = 'cdr'`, [acme]);
    expect((await takeChanges(db.pool)).map(({ event, enabled: on }) => ({ event, on }))).toEqual([{ event: 'cdr', on: true }]);
    expect(await takeChanges(db.pool)).toEqual([]);
  });

  it('that was taken back is none', async () => {
    await db.pool.query('update event_domain set enabled = false');
    await db.pool.query('update event_domain set enabled = true');
    expect(await takeChanges(db.pool)).toEqual([]);
  });
});

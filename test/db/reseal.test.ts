import { reseal } from '../../src/db/reseal.js';
import { forgetPastSecrets } from '../../src/db/receivers.js';
import { createSealedSubscriptions } from '../../src/db/sealed-subscriptions.js';
import { upsertSubscription } from '../../src/db/subscriptions.js';
import { addDomain } from '../../src/db/tenants.js';
import { createVault } from '../../src/seal.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';

const [oldKey, newKey] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
const [none, before, between, after] = [createVault([]), createVault([oldKey]), createVault([newKey, oldKey]), createVault([newKey])];
const URL_OF = (n: number) => `https://a.example/${n}`;

let database: TestDatabase;
let tenantId: string;
beforeAll(async () => { database = await createDatabase(); });
afterAll(() => database.drop());
beforeEach(async () => {
  await database.pool.query('truncate domain cascade');
  tenantId = (await addDomain(database.pool, 'acme.example')).domain.id;
});

const sql = async <Row extends object>(text: string, values?: unknown[]) => (await database.pool.query<Row>(text, values)).rows;
const subscriptions = (vault = none) => createSealedSubscriptions(database.pool, vault);
const stored = async () => (await sql<{ stored: string }>(
  `select callback_apikey as stored from event_domain union all select secret from receiver union all select previous_secret from receiver where previous_secret is not null`))
  .map((row) => row.stored);
const prefixes = async () => [...new Set((await stored()).map((text) => /^sealed:1:\w+:/.exec(text)?.[0] ?? 'plain'))];
const secretAt = async (url: string, vault: typeof none) => {
  const secret = await subscriptions(vault).secretOf({ domainId: tenantId, url });
  return secret?.kind === 'opened' ? secret.secret : secret;
};

it('seals what is plain, and what it was is what it opens to', async () => {
  const made = await subscriptions().upsert(tenantId, 'ringing', URL_OF(1), 'key');
  await subscriptions().rotate({ domainId: tenantId, url: URL_OF(1) }, 60);
  const secret = await secretAt(URL_OF(1), none);
  expect(made?.secret).toMatchObject({ kind: 'opened' });
  expect(await prefixes()).toEqual(['plain']);
  expect(await reseal(database.pool, before, 'plain')).toEqual({ sealed: 3, locked: new Map(), damaged: 0 });
  expect(await prefixes()).toEqual([before.prefix]);
  expect((await subscriptions(before).list(tenantId))[0]?.apiKey).toBe('key');
  expect(await secretAt(URL_OF(1), before)).toBe(secret);
  expect(await reseal(database.pool, before, 'plain')).toEqual({ sealed: 0, locked: new Map(), damaged: 0 });
});

it('at start leaves alone what another key has sealed; a rotation does not', async () => {
  await subscriptions(before).upsert(tenantId, 'ringing', URL_OF(1), 'key');
  expect((await reseal(database.pool, between, 'plain')).sealed).toBe(0);
  expect(await prefixes()).toEqual([before.prefix]);
  expect((await reseal(database.pool, between, 'all')).sealed).toBe(2);
  expect(await prefixes()).toEqual([after.prefix]);
  expect((await subscriptions(after).list(tenantId))[0]?.apiKey).toBe('key');
});

it('does all of several pages, however often it is cut short, and two at once do each value once', async () => {
  await sql(`insert into event_domain (domain_uuid, event_name, callback_url, callback_apikey) select $1, 'cdr', 'https://a.example/' || n, 'key ' || n from generate_series(1, 1200) n`, [tenantId]);
  await sql(`insert into receiver (domain_uuid, callback_url, secret) select $1, 'https://a.example/' || n, 'whsec_' || n from generate_series(1, 700) n`, [tenantId]);
  let left = 2;
  const cut = { query: (text: string, values?: unknown[]) => (/^\s*with/.test(text) && left-- === 0 ? Promise.reject(new Error('cut')) : database.pool.query(text, values)) };
  await expect(reseal(cut as typeof database.pool, before, 'plain')).rejects.toThrow('cut');
  const done = (await stored()).filter((text) => text.startsWith('sealed:')).length;
  expect(done).toBe(1_000);
  const counts = await Promise.all([reseal(database.pool, before, 'plain'), reseal(database.pool, before, 'plain')]);
  expect(counts[0].sealed + counts[1].sealed).toBe(1_900 - done);
  expect(await prefixes()).toEqual([before.prefix]);
  expect((await subscriptions(before).list(tenantId)).map(({ url, apiKey }) => [url, apiKey])).toContainEqual([URL_OF(1_200), 'key 1200']);
});

it('never undoes what somebody writes meanwhile', async () => {
  await upsertSubscription(database.pool, tenantId, 'cdr', URL_OF(1), 'read');
  let interfered = false;
  const slow = { async query(text: string, values?: unknown[]) {
    if (/^\s*with/.test(text) && !interfered) {
      interfered = true;
      await upsertSubscription(database.pool, tenantId, 'cdr', URL_OF(1), 'written meanwhile');
    }
    return database.pool.query(text, values);
  } };
  expect((await reseal(slow as typeof database.pool, before, 'all')).sealed).toBe(1);
  expect((await subscriptions(before).list(tenantId))[0]?.apiKey).toBe('written meanwhile');
});

it('counts what it cannot open, by key, and leaves it as it is', async () => {
  await subscriptions(after).upsert(tenantId, 'ringing', URL_OF(1), 'key');
  await upsertSubscription(database.pool, tenantId, 'cdr', URL_OF(1), before.seal('moved', ['elsewhere']));
  await upsertSubscription(database.pool, tenantId, 'hangup', URL_OF(1), 'plain');
  const was = (await stored()).filter((text) => text !== 'plain').sort();
  expect(await reseal(database.pool, createVault([Buffer.alloc(32, 3), oldKey]), 'all')).toEqual({ sealed: 1, locked: new Map([[after.prefix!.split(':')[2], 2]]), damaged: 1 });
  expect((await stored()).filter((text) => was.includes(text)).sort()).toEqual(was);
});

it('without a key does nothing', async () => {
  await upsertSubscription(database.pool, tenantId, 'cdr', URL_OF(1), 'plain');
  expect(await reseal(database.pool, none, 'all')).toEqual({ sealed: 0, locked: new Map(), damaged: 0 });
  expect(await stored()).toEqual(['plain']);
});

it('a secret whose overlap has passed is forgotten, no other', async () => {
  for (const n of [1, 2]) {
    await subscriptions().upsert(tenantId, 'cdr', URL_OF(n), '');
    await subscriptions().rotate({ domainId: tenantId, url: URL_OF(n) }, 60);
  }
  await sql(`update receiver set previous_until = now() - interval '1 second' where callback_url = $1`, [URL_OF(1)]);
  await forgetPastSecrets(database.pool);
  expect(await sql('select callback_url, previous_secret is null as forgotten from receiver order by 1')).toEqual([
    { callback_url: URL_OF(1), forgotten: true }, { callback_url: URL_OF(2), forgotten: false },
  ]);
});

it('the longest key fits sealed, and no longer one fits plain', async () => {
  const longest = 'ÿ'.repeat(1_024);
  expect(await subscriptions(before).upsert(tenantId, 'cdr', URL_OF(1), longest)).toMatchObject({ created: true });
  expect((await subscriptions(before).list(tenantId))[0]?.apiKey).toBe(longest);
  await expect(upsertSubscription(database.pool, tenantId, 'cdr', URL_OF(2), 'x'.repeat(1_025))).rejects.toMatchObject({ code: '23514' });
});

it('a key that is copied to another row, tenant or URL opens there for nobody', async () => {
  await subscriptions(before).upsert(tenantId, 'cdr', URL_OF(1), 'key');
  const { id: otherId } = (await addDomain(database.pool, 'other.example')).domain;
  for (const [domainId, event, url] of [[otherId, 'cdr', URL_OF(1)], [tenantId, 'cdr', 'https://evil.example'], [tenantId, 'ringing', URL_OF(1)]] as const) {
    await sql(`insert into event_domain (domain_uuid, event_name, callback_url, callback_apikey) select $1, $2, $3, callback_apikey from event_domain where event_name = 'cdr' and domain_uuid = $4 and callback_url = $5`,
      [domainId, event, url, tenantId, URL_OF(1)]);
  }
  const keys = [...await subscriptions(before).list(tenantId), ...await subscriptions(before).list(otherId)].map(({ apiKey }) => apiKey);
  expect(keys).toEqual(['key', null, null, null]);
});

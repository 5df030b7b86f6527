import { Credentials } from '../../src/db/credentials.js';
import { loadDirectory } from '../../src/db/directory-load.js';
import { createSealedSubscriptions } from '../../src/db/sealed-subscriptions.js';
import { upsertSubscription } from '../../src/db/subscriptions.js';
import { addDomain } from '../../src/db/tenants.js';
import type { LogFields, Logger } from '../../src/log.js';
import { createVault } from '../../src/seal.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { silentLog } from '../support/silent-log.js';

const vault = createVault([Buffer.alloc(32, 1)]);
const [HERE, THERE] = ['https://a.example/here', 'https://a.example/there'];

let database: TestDatabase;
let tenantId: string;
let errors: { message: string; fields: LogFields }[];
beforeAll(async () => { database = await createDatabase(); });
afterAll(() => database.drop());
beforeEach(async () => {
  await database.pool.query('truncate domain cascade');
  tenantId = (await addDomain(database.pool, 'acme.example')).domain.id;
  errors = [];
});

const log: Logger = { ...silentLog, error: (message, fields = {}) => { errors.push({ message, fields }); } };
const sql = async <Row extends object>(text: string, values?: unknown[]) => (await database.pool.query<Row>(text, values)).rows;
const plainly = (event: string, url = HERE, key = '') => upsertSubscription(database.pool, tenantId, event, url, key);
const sealed = (using = vault) => createSealedSubscriptions(database.pool, using);
const load = async (credentials = new Credentials({ vault, log })) => (await loadDirectory(database.pool, null, credentials, () => undefined)).subscriptions;
const secrets = () => sql<{ url: string; secret: string }>('select callback_url as url, secret from receiver order by 1');

describe('a URL that has no secret', () => {
  it('gets one when the directory is loaded: one for all events, sealed, and the same ever after', async () => {
    for (const event of ['ringing', 'cdr']) await plainly(event);
    await plainly('cdr', THERE);
    const loaded = await load();
    expect(loaded).toHaveLength(3);
    expect(loaded.map(({ signing }) => signing.kind)).toEqual(['keys', 'keys', 'keys']);
    expect(loaded[0]?.signing).toBe(loaded[1]?.signing);
    const made = await secrets();
    expect(made.map(({ url, secret }) => [url, secret.startsWith(vault.prefix!)])).toEqual([[HERE, true], [THERE, true]]);
    await load();
    expect(await secrets()).toEqual(made);
  });

  it('gets the same one from all who give it one at once', async () => {
    await sql(`insert into event_domain (domain_uuid, event_name, callback_url) select $1, 'cdr', 'https://a.example/' || n from generate_series(1, 50) n`, [tenantId]);
    const [first, ...others] = await Promise.all(Array.from({ length: 6 }, () => load()));
    const keysOf = (loaded: typeof first) => loaded!.map(({ signing }) => (signing.kind === 'keys' ? signing.current.keyObject().export().toString('hex') : 'none'));
    expect(new Set(keysOf(first)).size).toBe(50);
    for (const other of others) expect(keysOf(other)).toEqual(keysOf(first));
  });

  it('keeps it when its tenant unsubscribes and subscribes again', async () => {
    await sealed().upsert(tenantId, 'cdr', HERE, '');
    const before = await sealed().secretOf({ domainId: tenantId, url: HERE });
    await sql('delete from event_domain');
    expect((await sealed().upsert(tenantId, 'cdr', HERE, ''))?.secret).toEqual(before);
  });

  it('of a tenant that is gone gets none', async () => {
    await sql('delete from domain');
    expect(await sealed().secretOf({ domainId: tenantId, url: HERE })).toBeUndefined();
    expect(await sealed().upsert(tenantId, 'cdr', HERE, '')).toBeUndefined();
    expect(await sealed().rotate({ domainId: tenantId, url: HERE }, 0)).toBeUndefined();
  });
});

describe('a rotated secret', () => {
  const receiver = () => ({ domainId: tenantId, url: HERE });

  it('leaves the one before for its time, which needs no reload to pass', async () => {
    await sealed().upsert(tenantId, 'cdr', HERE, '');
    const [[old], rotated] = [await load(), await sealed().rotate(receiver(), 3_600)];
    const [now] = await load();
    if (old?.signing.kind !== 'keys' || now?.signing.kind !== 'keys' || rotated?.kind !== 'opened') throw new Error('Nothing is locked here');
    expect(now.signing.current.keyObject().export().toString('base64')).toBe(rotated.secret.slice('whsec_'.length));
    expect(now.signing.previous?.key.keyObject().export()).toEqual(old.signing.current.keyObject().export());
    expect(now.signing.previous?.untilMs).toBe(rotated.previousUntil?.getTime());
    expect(Math.abs(rotated.previousUntil!.getTime() - Date.now() - 3_600_000)).toBeLessThan(600_000);
  });

  it('leaves none when the overlap is 0, or is over', async () => {
    await sealed().upsert(tenantId, 'cdr', HERE, '');
    expect(await sealed().rotate(receiver(), 0)).toMatchObject({ kind: 'opened', previousUntil: null });
    await sealed().rotate(receiver(), 60);
    await sql(`update receiver set previous_until = now() - interval '1 second'`);
    expect(await sealed().secretOf(receiver())).toMatchObject({ kind: 'opened', previousUntil: null });
    expect((await load())[0]?.signing).not.toHaveProperty('previous');
  });

  it('can be had for a URL that had none before', async () => {
    await plainly('cdr');
    expect(await sealed().rotate(receiver(), 0)).toMatchObject({ kind: 'opened', secret: expect.stringMatching(/^whsec_/) as string });
  });
});

describe('what cannot be opened', () => {
  const other = createVault([Buffer.alloc(32, 2)]);
  const otherId = other.prefix!.split(':')[2]!;

  it('locks its subscriptions and is said once for each key, with what to do and without any secret', async () => {
    await sealed(other).upsert(tenantId, 'cdr', HERE, 'hunter2');
    await sealed(other).upsert(tenantId, 'cdr', THERE, '');
    await sealed().upsert(tenantId, 'ringing', 'https://a.example/open', 'key');
    const credentials = new Credentials({ vault, log });
    for (const time of [1, 2]) {
      const loaded = await load(credentials);
      expect([time, ...loaded.map(({ apiKey, signing }) => [apiKey, signing.kind])]).toEqual([time, ['', 'locked'], ['', 'locked'], ['key', 'keys']]);
      expect(loaded[0]?.signing).toEqual({ kind: 'locked', reason: `sealed with key ${otherId}, which is not configured` });
    }
    expect(errors).toEqual([{
      message: 'sealed with a key that is not configured; its subscriptions are not sent to',
      fields: { keyId: otherId, remedy: expect.stringContaining('HOOKSWITCH_ENCRYPTION_KEYS') as string },
    }]);
  });

  it('is no previous secret: the current one is enough', async () => {
    await sealed(other).upsert(tenantId, 'cdr', HERE, '');
    await sealed().rotate({ domainId: tenantId, url: HERE }, 60);
    expect((await load())[0]?.signing).toMatchObject({ kind: 'keys' });
    expect((await load())[0]?.signing).not.toHaveProperty('previous');
  });

  it.each([['a secret that was moved', `update receiver set secret = (select secret from receiver where callback_url = '${THERE}')`], ['a secret that is none', `update receiver set secret = 'hunter2'`],
    ['a key that was moved', `update event_domain set callback_apikey = (select callback_apikey from event_domain where callback_url = '${THERE}')`],
    ['a URL that was changed', `update event_domain set callback_url = 'https://evil.example' where callback_url = '${HERE}'`]])('is %s', async (_what, change) => {
    for (const url of [HERE, THERE]) await sealed().upsert(tenantId, 'cdr', url, `key of ${url}`);
    await sql(change);
    const locked = (await load()).filter(({ signing }) => signing.kind === 'locked');
    expect(locked.length).toBeGreaterThan(0);
    expect(locked[0]?.signing).toEqual({ kind: 'locked', reason: 'its stored key or secret is damaged' });
    expect(errors).toHaveLength(1);
    expect(JSON.stringify(errors)).not.toMatch(/hunter2|whsec_|sealed:/);
  });
});

it('tenants with the same URL have secrets of their own, and neither finds the other\'s subscription', async () => {
  const { id: otherId } = (await addDomain(database.pool, 'other.example')).domain;
  const mine = (await sealed().upsert(tenantId, 'cdr', HERE, ''))!;
  const theirs = (await sealed().upsert(otherId, 'cdr', HERE, ''))!;
  expect(mine.secret).not.toEqual(theirs.secret);
  expect(await sealed().receiverOf(tenantId, theirs.id)).toBeUndefined();
  expect(await sealed().receiverOf(null, theirs.id)).toEqual({ domainId: otherId, url: HERE });
  expect(await sealed().receiverOf(null, 'x')).toBeUndefined();
  expect(await sealed().upsert('x', 'cdr', HERE, '')).toBeUndefined();
});

import { deleteSubscription, listAllSubscriptions, listSubscriptions, upsertSubscription } from '../../src/db/subscriptions.js';
import { addDomain, findDomain, isDomainName, listDomains } from '../../src/db/tenants.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';

const NOBODY = '00000000-0000-4000-8000-000000000000';

let database: TestDatabase;
beforeAll(async () => { database = await createDatabase(); });
afterAll(() => database.drop());
beforeEach(() => database.pool.query('truncate domain cascade'));

const tenant = async (name: string) => (await addDomain(database.pool, name)).domain;
const subscribe = async (domainId: string, event = 'ringing', url = 'https://a.example/hook', key = '') => (await upsertSubscription(database.pool, domainId, event, url, key))!;

describe('a tenant', () => {
  it('is added once, whatever the case and however many add it', async () => {
    const added = await Promise.all(['acme.example', 'ACME.example', 'Acme.Example'].map((name) => addDomain(database.pool, name)));
    expect(added.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(added.map(({ domain }) => domain.id)).size).toBe(1);
    expect(await listDomains(database.pool)).toEqual([added[0]!.domain]);
  });

  it('is found in any case', async () => {
    const acme = await tenant('acme.example');
    expect(acme).toMatchObject({ name: 'acme.example', enabled: true });
    expect(await findDomain(database.pool, 'ACME.example')).toEqual(acme);
    expect(await findDomain(database.pool, 'other.example')).toBeUndefined();
  });

  it('is listed by name', async () => {
    await tenant('b.example');
    await tenant('a.example');
    expect((await listDomains(database.pool)).map(({ name }) => name)).toEqual(['a.example', 'b.example']);
  });

  it.each([
    ['acme.example', true], ['pbx-1', true], ['münchen.example', true], ['10.0.0.1', true], ['x'.repeat(253), true],
    ['', false], ['two words', false], ['a/b', false], ['tab\there', false], ['x'.repeat(254), false],
  ])('may be named %j: %s, and the table agrees', async (name, good) => {
    expect(isDomainName(name)).toBe(good);
    const stored = await addDomain(database.pool, name).then(() => true, (error: { code: string }) => error.code !== '23514');
    expect(stored).toBe(good);
  });
});

describe('a subscription', () => {
  it('is made once; again it gets the new key, keeps its id and is enabled', async () => {
    const { id: domainId } = await tenant('acme.example');
    const first = await subscribe(domainId, 'ringing', 'https://a.example', 'old');
    await database.pool.query('update event_domain set enabled = false');
    expect(first.created).toBe(true);
    expect(await subscribe(domainId, 'ringing', 'https://a.example', 'new')).toEqual({ id: first.id, created: false });
    expect(await listSubscriptions(database.pool, domainId)).toMatchObject([
      { id: first.id, domainId, domainName: 'acme.example', event: 'ringing', url: 'https://a.example', apiKey: 'new', enabled: true },
    ]);
  });

  it('is one for all who make it at once', async () => {
    const { id } = await tenant('acme.example');
    const made = await Promise.all(Array.from({ length: 8 }, () => subscribe(id)));
    expect(made.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(made.map((one) => one.id)).size).toBe(1);
  });

  it('needs a tenant', async () => {
    expect(await upsertSubscription(database.pool, NOBODY, 'ringing', 'https://a.example', '')).toBeUndefined();
  });

  it('takes the longest URL, event and key, and no longer ones', async () => {
    const { id } = await tenant('acme.example');
    const random = (length: number) => Array.from({ length }, (_, i) => ((i * 7919) % 36).toString(36)).join('');
    expect((await subscribe(id, random(64), random(2048), random(1024))).created).toBe(true);
    await expect(subscribe(id, random(65))).rejects.toMatchObject({ code: '23514' });
    await expect(subscribe(id, 'ringing', random(2049))).rejects.toMatchObject({ code: '23514' });
    await expect(subscribe(id, 'ringing', 'u', random(1025))).rejects.toMatchObject({ code: '23514' });
  });

  it('follows its tenant when he is renamed, and goes with him', async () => {
    const { id } = await tenant('acme.example');
    await subscribe(id);
    await database.pool.query(`update domain set domain_name = 'new.example'`);
    expect(await listSubscriptions(database.pool, id)).toMatchObject([{ domainName: 'new.example' }]);
    await database.pool.query('delete from domain');
    expect(await listAllSubscriptions(database.pool, 10)).toEqual([]);
  });

  it('may be inserted by others without the domain name, and never under another tenant\'s', async () => {
    const { id } = await tenant('acme.example');
    await tenant('other.example');
    const insert = (name: string | null) => database.pool.query(
      `insert into event_domain (domain_uuid, domain_name, event_name, callback_url) values ($1, $2, 'cdr', $2)`, [id, name]);
    await database.pool.query(`insert into event_domain (domain_uuid, event_name, callback_url) values ($1, 'cdr', 'https://a.example')`, [id]);
    await expect(insert('other.example')).rejects.toMatchObject({ code: '23503' });
    await insert('ACME.example');
    expect((await listSubscriptions(database.pool, id)).map(({ domainName }) => domainName)).toEqual(['acme.example', 'acme.example']);
  });

  it('changes its time of change only when it changes', async () => {
    const { id } = await tenant('acme.example');
    await subscribe(id, 'ringing', 'https://a.example', 'key');
    const [before] = await listSubscriptions(database.pool, id);
    await subscribe(id, 'ringing', 'https://a.example', 'key');
    const [same] = await listSubscriptions(database.pool, id);
    await subscribe(id, 'ringing', 'https://a.example', 'other');
    const [changed] = await listSubscriptions(database.pool, id);
    expect(same).toEqual(before);
    expect(changed!.updatedAt.getTime()).toBeGreaterThan(before!.updatedAt.getTime());
  });
});

describe('tenants are apart', () => {
  it('nobody lists or deletes what is another\'s', async () => {
    const [acme, other] = [await tenant('acme.example'), await tenant('other.example')];
    const mine = await subscribe(acme.id);
    const theirs = await subscribe(other.id);
    expect(theirs.id).not.toBe(mine.id);
    expect((await listSubscriptions(database.pool, acme.id)).map(({ id }) => id)).toEqual([mine.id]);
    expect(await deleteSubscription(database.pool, acme.id, theirs.id)).toBe(false);
    expect((await listSubscriptions(database.pool, other.id)).map(({ id }) => id)).toEqual([theirs.id]);
    expect(await deleteSubscription(database.pool, acme.id, mine.id)).toBe(true);
    expect(await deleteSubscription(database.pool, acme.id, mine.id)).toBe(false);
  });

  it('an id that is no uuid names nothing', async () => {
    const { id } = await tenant('acme.example');
    expect(await listSubscriptions(database.pool, `${id}'`)).toEqual([]);
    expect(await deleteSubscription(database.pool, id, 'x')).toBe(false);
    expect(await deleteSubscription(database.pool, 'x', id)).toBe(false);
    expect(await upsertSubscription(database.pool, 'x', 'ringing', 'https://a.example', '')).toBeUndefined();
    expect(await listAllSubscriptions(database.pool, 10, 'x')).toEqual([]);
  });

  it('admins see all of them, page by page', async () => {
    for (const name of ['a.example', 'b.example', 'c.example']) await subscribe((await tenant(name)).id);
    const first = await listAllSubscriptions(database.pool, 2);
    const second = await listAllSubscriptions(database.pool, 2, first.at(-1)!.id);
    expect([...first, ...second].map(({ domainName }) => domainName).sort()).toEqual(['a.example', 'b.example', 'c.example']);
    expect(second).toHaveLength(1);
  });
});

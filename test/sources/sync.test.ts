import { FusionPbxAway, readFusionPbx } from '../../src/db/fusionpbx.js';
import { upsertSubscription } from '../../src/db/subscriptions.js';
import { addDomain } from '../../src/db/tenants.js';
import { insertToken, revokeToken } from '../../src/db/tokens.js';
import { inTransaction } from '../../src/db/pool.js';
import { lockSources } from '../../src/db/sources.js';
import type { Check } from '../../src/sources/plan.js';
import { createVault } from '../../src/seal.js';
import { syncOnce, type SyncedState } from '../../src/sources/sync.js';
import { createAddressPolicy } from '../../src/webhook/address.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { createPbx, type Pbx } from './pbx.js';

let ours: TestDatabase;
let pbx: Pbx;
beforeAll(async () => { [ours, pbx] = await Promise.all([createDatabase(), createPbx()]); });
afterAll(async () => { await ours.drop(); await pbx.drop(); });
beforeEach(async () => {
  await ours.pool.query('truncate domain cascade');
  await pbx.sql('truncate v_domains, v_event_domain');
});

const policy = createAddressPolicy({ allow: [] });
const check: Check = ({ event, url, apiKey }) => {
  const verdict = policy.checkUrl(url);
  if (verdict.kind === 'refused') return { kind: 'refused', reason: verdict.reason };
  return event.length <= 64 && event !== '' ? { kind: 'valid', event, url: verdict.text, apiKey } : { kind: 'refused', reason: 'event_name' };
};
const read = (from = pbx, unless?: string) => readFusionPbx(from.url, { subscriptions: true, unless }, new AbortController().signal);
const syncWith = (from: Pbx, since?: SyncedState, vault = createVault([])) => syncOnce({ pool: ours.pool, read: (unless) => read(from, unless), check, vault }, since);

async function sync(vault = createVault([])) {
  const outcome = await syncWith(pbx, undefined, vault);
  if (outcome.kind !== 'synced') throw new Error(outcome.kind);
  const touched = Object.fromEntries(Object.entries(outcome.changes).filter(([, count]) => count > 0));
  return { touched, skipped: outcome.skipped };
}

const domains = async () => (await ours.pool.query<{ id: string; name: string; enabled: boolean; source: string }>(`select domain_uuid as id, domain_name as name, enabled, source from domain order by domain_name`)).rows;
const subscriptions = async () => (await ours.pool.query<{ id: string; name: string; event: string; url: string; key: string; source: string }>(`select event_domain_uuid as id, domain_name as name, event_name as event, callback_url as url, callback_apikey as key, source from event_domain order by callback_url`)).rows;
const NOTHING = { touched: {}, skipped: [] };

describe('what is there', () => {
  it('is taken over with its uuids, names in lower case, and a second look changes nothing', async () => {
    const [acme, off, unknown] = [await pbx.addDomain('ACME.example'), await pbx.addDomain('off.example', false), await pbx.addDomain('unknown.example', null)];
    const [first, second] = [await pbx.subscribe(acme, 'https://a.example/1', 'cdr', 'key'), await pbx.subscribe(off, 'https://a.example/2', 'Hangup')];
    expect(await sync()).toEqual({ touched: { domainsAdded: 3, subscriptionsAdded: 2 }, skipped: [] });
    expect(await domains()).toEqual([
      { id: acme, name: 'acme.example', enabled: true, source: 'fusionpbx' }, { id: off, name: 'off.example', enabled: false, source: 'fusionpbx' }, { id: unknown, name: 'unknown.example', enabled: false, source: 'fusionpbx' },
    ]);
    expect(await subscriptions()).toEqual([
      { id: first, name: 'acme.example', event: 'cdr', url: 'https://a.example/1', key: 'key', source: 'fusionpbx' }, { id: second, name: 'off.example', event: 'Hangup', url: 'https://a.example/2', key: '', source: 'fusionpbx' },
    ]);
    const before = await ours.pool.query('select xmin from domain union all select xmin from event_domain');
    expect(await sync()).toEqual(NOTHING);
    expect((await ours.pool.query('select xmin from domain union all select xmin from event_domain')).rows).toEqual(before.rows);
  });

  it('has its keys sealed here where there is a key for that, and anew where one was lost', async () => {
    const [old, vault] = [createVault([Buffer.alloc(32, 1)]), createVault([Buffer.alloc(32, 2)])];
    await pbx.subscribe(await pbx.addDomain('acme.example'), 'https://a.example/1', 'cdr', 'key');
    expect(await sync(old)).toEqual({ touched: { domainsAdded: 1, subscriptionsAdded: 1 }, skipped: [] });
    expect((await subscriptions())[0]!.key).toContain(old.prefix!);
    expect(await sync(old)).toEqual(NOTHING);
    expect(await sync(vault)).toEqual({ touched: { subscriptionsChanged: 1 }, skipped: [] });
    expect((await subscriptions())[0]!.key).toContain(vault.prefix!);
    expect(await sync(vault)).toEqual(NOTHING);
  });

  it('is followed when it changes: names, domains that are disabled, URLs, keys, events, whose it is', async () => {
    const [one, two] = [await pbx.addDomain('one.example'), await pbx.addDomain('two.example')];
    const [a, b] = [await pbx.subscribe(one, 'https://a.example/a'), await pbx.subscribe(one, 'https://a.example/b')];
    await sync();
    await pbx.sql(`update v_domains set domain_name = 'renamed.example' where domain_uuid = $1`, [one]);
    await pbx.sql(`update v_domains set domain_enabled = false where domain_uuid = $1`, [two]);
    await pbx.sql(`update v_event_domain set callback_apikey = 'new', event_name = 'ringing' where event_domain_uuid = $1`, [a]);
    await pbx.sql(`update v_event_domain set domain_uuid = $2 where event_domain_uuid = $1`, [b, two]);
    expect(await sync()).toEqual({ touched: { domainsChanged: 2, subscriptionsChanged: 2 }, skipped: [] });
    expect(await domains()).toMatchObject([{ id: one, name: 'renamed.example', enabled: true }, { id: two, name: 'two.example', enabled: false }]);
    expect(await subscriptions()).toMatchObject([{ id: a, name: 'renamed.example', event: 'ringing', key: 'new' }, { id: b, name: 'two.example' }]);
    expect(await sync()).toEqual(NOTHING);
  });

  it('may swap names and URLs at once', async () => {
    const [one, two, three] = [await pbx.addDomain('one.example'), await pbx.addDomain('two.example'), await pbx.addDomain('three.example')];
    const [a, b] = [await pbx.subscribe(one, 'https://a.example/a'), await pbx.subscribe(one, 'https://a.example/b')];
    await sync();
    for (const [id, name] of [[one, 'two'], [two, 'three'], [three, 'one']]) await pbx.sql(`update v_domains set domain_name = $2 where domain_uuid = $1`, [id, `${name!}.example`]);
    for (const [id, path] of [[a, 'b'], [b, 'a']]) await pbx.sql(`update v_event_domain set callback_url = $2 where event_domain_uuid = $1`, [id, `https://a.example/${path!}`]);
    expect(await sync()).toMatchObject({ skipped: [] });
    expect(await domains()).toMatchObject([{ id: three, name: 'one.example' }, { id: two, name: 'three.example' }, { id: one, name: 'two.example' }]);
    expect(await subscriptions()).toMatchObject([{ id: b, url: 'https://a.example/a', name: 'two.example' }, { id: a, url: 'https://a.example/b' }]);
    expect(await sync()).toEqual(NOTHING);
  });

  it('comes from older versions, too, which write true and false as texts, and have no table of subscriptions', async () => {
    const old = await createPbx({ enabledIs: 'text', subscriptions: false });
    await old.addDomain('on.example', true);
    await old.addDomain('off.example', false);
    expect(await syncWith(old)).toMatchObject({ kind: 'synced', changes: { domainsAdded: 2, subscriptionsAdded: 0 } });
    expect(await domains()).toMatchObject([{ name: 'off.example', enabled: false }, { name: 'on.example', enabled: true }]);
    await old.drop();
  });
});

describe('what is gone there', () => {
  it('goes here: subscriptions, and domains with nothing of their own here', async () => {
    const [stays, goes] = [await pbx.addDomain('stays.example'), await pbx.addDomain('goes.example')];
    await pbx.subscribe(stays, 'https://a.example/1');
    await pbx.subscribe(goes, 'https://a.example/2');
    await sync();
    await pbx.sql('delete from v_event_domain where domain_uuid = $1', [stays]);
    await pbx.sql('delete from v_domains where domain_uuid = $1', [goes]);
    expect(await sync()).toMatchObject({ touched: { domainsRemoved: 1, subscriptionsRemoved: 2 } });
    expect([await domains(), await subscriptions()]).toMatchObject([[{ id: stays }], []]);
  });

  it('is only disabled while a token or subscription was made here for it, and is back with them', async () => {
    const [id] = [await pbx.addDomain('back.example'), await pbx.addDomain('other.example')];
    await sync();
    const tokenId = await insertToken(ours.pool, { sha256: Buffer.alloc(32, 1), label: '', domainId: id, expiresAt: null });
    await upsertSubscription(ours.pool, id, 'cdr', 'https://local.example', '');
    await pbx.sql('delete from v_domains where domain_uuid = $1', [id]);
    expect((await sync()).touched).toEqual({ domainsDisabled: 1 });
    expect(await sync()).toEqual(NOTHING);
    await pbx.sql(`insert into v_domains (domain_uuid, domain_name, domain_enabled) values ($1, 'back.example', true)`, [id]);
    expect((await sync()).touched).toEqual({ domainsChanged: 1 });
    expect([await domains(), await subscriptions()]).toMatchObject([[{ id, name: 'back.example', enabled: true }, {}], [{ source: 'local' }]]);

    await pbx.sql('delete from v_domains where domain_uuid = $1', [id]);
    await ours.pool.query('delete from event_domain');
    expect((await sync()).touched).toEqual({ domainsDisabled: 1 });
    await revokeToken(ours.pool, tokenId);
    expect((await sync()).touched).toEqual({ domainsRemoved: 1 });
  });

  it('gives its name to a new domain that has it there', async () => {
    const old = await pbx.addDomain('again.example');
    await sync();
    await upsertSubscription(ours.pool, old, 'cdr', 'https://local.example', '');
    await pbx.sql('delete from v_domains');
    const fresh = await pbx.addDomain('again.example');
    await sync();
    expect(await domains()).toEqual([{ id: fresh, name: 'again.example', enabled: true, source: 'fusionpbx' }, { id: old, name: `gone-${old}`, enabled: false, source: 'fusionpbx' }]);
    expect(await sync()).toEqual(NOTHING);
  });

  it('is not believed where no domain at all is left, nor where the table of subscriptions is missing', async () => {
    const id = await pbx.addDomain('acme.example');
    await pbx.subscribe(id, 'https://a.example/1');
    await sync();
    await pbx.sql('alter table v_event_domain rename to elsewhere');
    expect(await sync()).toEqual(NOTHING);
    await pbx.sql('delete from v_domains');
    expect(await syncWith(pbx)).toEqual({ kind: 'emptied' });
    await pbx.sql('alter table elsewhere rename to v_event_domain');
    expect([(await domains()).length, (await subscriptions()).length]).toEqual([1, 1]);
  });
});

describe('what was made here', () => {
  it('is never touched: rows in conflict with it are skipped, and taken once it is gone', async () => {
    const { domain } = await addDomain(ours.pool, 'mine.example');
    const mine = (await upsertSubscription(ours.pool, domain.id, 'cdr', 'https://local.example', 'mine'))!;
    const [theirs, free] = [await pbx.addDomain('Mine.example', false), await pbx.addDomain('free.example')];
    await pbx.sql(`insert into v_domains (domain_uuid, domain_name, domain_enabled) values ($1, 'stolen.example', false)`, [domain.id]);
    const orphan = await pbx.subscribe(theirs, 'https://a.example/1');
    await pbx.sql(`insert into v_event_domain (event_domain_uuid, domain_uuid, event_name, callback_url) values ($1, $2, 'cdr', 'https://a.example/2')`, [mine.id, free]);
    const before = [(await domains())[0], await subscriptions()];
    const { skipped } = await sync();
    expect(skipped).toHaveLength(4);
    expect(skipped).toEqual(expect.arrayContaining([
      { what: 'domain', id: theirs, reason: 'a domain of this name was made here under another uuid; rename or remove that one' },
      { what: 'domain', id: domain.id, reason: 'a domain of this uuid was made here; remove that one, or hand it over: its source in the table domain' },
      { what: 'subscription', id: orphan, reason: 'its domain is not there, or was skipped' }, { what: 'subscription', id: mine.id, reason: 'a subscription of this uuid was made here; remove that one' },
    ]));
    expect((await domains()).filter(({ source }) => source === 'local')).toEqual([{ id: domain.id, name: 'mine.example', enabled: true, source: 'local' }]);
    expect(await subscriptions()).toEqual(before[1]);
    await ours.pool.query('delete from domain where domain_uuid = $1', [domain.id]);
    expect(await sync()).toMatchObject({ touched: { domainsAdded: 2, subscriptionsAdded: 2 }, skipped: [] });
  });

  it('stays beside what is theirs in one domain, and wins where both say the same', async () => {
    const id = await pbx.addDomain('both.example');
    await sync();
    const mine = (await upsertSubscription(ours.pool, id, 'cdr', 'https://same.example', 'mine'))!;
    await pbx.subscribe(id, 'https://other.example');
    const same = await pbx.subscribe(id, 'https://same.example', 'cdr', 'theirs');
    expect((await sync()).skipped).toEqual([{ what: 'subscription', id: same, reason: 'the same was subscribed to here; remove that one' }]);
    expect(await subscriptions()).toMatchObject([{ source: 'fusionpbx' }, { id: mine.id, key: 'mine', source: 'local' }]);
  });
});

describe('a bad row', () => {
  it.each([[null], [''], ['two words'], ['a/b'], ['x'.repeat(254)]])('with the domain name %j is skipped, and the others are taken', async (name) => {
    const [bad] = [await pbx.addDomain(name), await pbx.addDomain('good.example')];
    expect(await sync()).toMatchObject({ touched: { domainsAdded: 1 }, skipped: [{ what: 'domain', id: bad }] });
  });

  it.each([['http://10.0.0.1/', 'cdr'], ['nonsense', 'cdr'], ['', 'cdr'], [`https://a.example/${'x'.repeat(2_048)}`, 'cdr'], ['https://a.example/', 'e'.repeat(65)], ['https://a.example/', '']])(
    'with the URL %.20s and the event %.10s is skipped', async (url, event) => {
      const id = await pbx.addDomain('good.example');
      const bad = await pbx.subscribe(id, url, event);
      await pbx.subscribe(id, 'https://good.example/');
      expect(await sync()).toMatchObject({ touched: { subscriptionsAdded: 1 }, skipped: [{ what: 'subscription', id: bad }] });
    });

  it('that comes twice is taken once', async () => {
    const [first, second] = [await pbx.addDomain('twice.example'), await pbx.addDomain('TWICE.example')].sort();
    const id = await pbx.subscribe(first!, 'https://a.example/1');
    await pbx.sql('insert into v_event_domain select * from v_event_domain');
    await pbx.subscribe(first!, 'https://a.example/1');
    const { skipped } = await sync();
    expect(skipped[0]).toEqual({ what: 'domain', id: second, reason: 'another domain there has this name' });
    expect(skipped.slice(1).map(({ reason }) => reason).sort()).toEqual(['another row there has this uuid', 'another row there says the same']);
    expect(await domains()).toMatchObject([{ id: first }]);
    expect((await subscriptions()).length).toBe(1);
    expect((await sync()).touched).toEqual({});
    expect(id).toBeDefined();
  });

  it('that was good ends a subscription, and leaves a domain with its subscriptions as it was', async () => {
    const id = await pbx.addDomain('turns.example');
    await pbx.subscribe(id, 'https://a.example/keeps');
    const turns = await pbx.subscribe(id, 'https://a.example/turns');
    await sync();
    await pbx.sql(`update v_domains set domain_name = 'no name'`);
    await pbx.sql(`update v_event_domain set callback_url = 'http://127.0.0.1/' where event_domain_uuid = $1`, [turns]);
    expect(await sync()).toMatchObject({ touched: { subscriptionsRemoved: 1 }, skipped: [{ what: 'domain', id }, { what: 'subscription', id: turns }] });
    expect([await domains(), await subscriptions()]).toMatchObject([[{ name: 'turns.example', enabled: true }], [{ url: 'https://a.example/keeps' }]]);
  });
});

describe('their database', () => {
  it('is only read: a session of ours cannot write there', async () => {
    await pbx.sql('create table written (at timestamptz)');
    await pbx.sql(`create function write_something() returns text language sql as $$ insert into written values (now()) returning at::text $$`);
    await pbx.sql('alter table v_domains rename to real_domains');
    await pbx.sql('create view v_domains as select domain_uuid, write_something() as domain_name, domain_enabled from real_domains');
    await pbx.sql(`insert into real_domains (domain_uuid) values (gen_random_uuid())`);
    await expect(read()).rejects.toMatchObject({ cause: { code: '25006' } });
    await pbx.sql('drop view v_domains');
    await pbx.sql('alter table real_domains rename to v_domains');
  });

  it.each([['nobody listens there', 'postgres://u@127.0.0.1:1/x', 'ECONNREFUSED'], ['it is none of FusionPBX', undefined, '42P01']])('that cannot be read since %s says so', async (_name, url, code) => {
    const error = await readFusionPbx(url ?? ours.url, { subscriptions: true }, new AbortController().signal).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FusionPbxAway);
    expect(error).toMatchObject({ cause: { code } });
  });

  it('that hangs is let go of when the daemon stops', async () => {
    const stopping = new AbortController();
    const locker = await pbx.pool.connect();
    await locker.query('begin');
    await locker.query('lock table v_domains in access exclusive mode');
    const reading = expect(readFusionPbx(pbx.url, { subscriptions: true }, stopping.signal)).rejects.toBeInstanceOf(FusionPbxAway);
    for (let waiting = 0; waiting === 0;) waiting = (await ours.pool.query<{ n: number }>(`select count(*)::int as n from pg_locks where not granted and relation is not null`)).rows[0]!.n;
    stopping.abort();
    await reading;
    await locker.query('rollback');
    locker.release();
  });
});

describe('two daemons', () => {
  it('at it at once take turns: one works, the others leave it to it', async () => {
    for (let n = 0; n < 20; n++) await pbx.addDomain(`d${n}.example`);
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => syncWith(pbx)));
    expect(outcomes.some(({ kind }) => kind === 'synced')).toBe(true);
    expect((await domains()).length).toBe(20);
  });

  it('never undo with an older look what a newer one did: the lock comes before the look', async () => {
    await inTransaction(ours.pool, async (db) => {
      expect(await lockSources(db)).toBe(true);
      const neverRead = () => Promise.reject(new Error('was read without the lock'));
      expect(await syncOnce({ pool: ours.pool, read: neverRead, check, vault: createVault([]) })).toEqual({ kind: 'busy' });
    });
  });

  it('see a change that is made here while one works at the next look, though this one could not', async () => {
    const { domain } = await addDomain(ours.pool, 'mine.example');
    const theirs = await pbx.addDomain('mine.example');
    const outcome = await syncOnce({ pool: ours.pool, check, vault: createVault([]), read: async () => {
      const look = await read();
      await ours.pool.query('delete from domain where domain_uuid = $1', [domain.id]); // the conflict is mended meanwhile
      return look;
    } });
    if (outcome.kind !== 'synced') throw new Error(outcome.kind);
    expect(outcome.skipped).toMatchObject([{ id: theirs }]);
    expect(await syncWith(pbx, outcome.state)).toMatchObject({ kind: 'synced', changes: { domainsAdded: 1 }, skipped: [] });
  });

  it('leave all as it was where one dies in the middle', async () => {
    await pbx.subscribe(await pbx.addDomain('half.example'), 'https://a.example/');
    await ours.pool.query(`create function fail() returns trigger language plpgsql as $$ begin raise exception 'disk full'; end $$`);
    await ours.pool.query('create trigger fail before insert on event_domain execute function fail()');
    await expect(syncWith(pbx)).rejects.toThrow('disk full');
    expect(await domains()).toEqual([]);
    await ours.pool.query('drop trigger fail on event_domain');
    expect((await sync()).touched).toEqual({ domainsAdded: 1, subscriptionsAdded: 1 });
  });
});

describe('a look that finds both sides as the last one left them', () => {
  async function lastState(): Promise<SyncedState> {
    const outcome = await syncWith(pbx);
    if (outcome.kind !== 'synced') throw new Error(outcome.kind);
    return outcome.state;
  }

  it('reads nothing', async () => {
    await pbx.subscribe(await pbx.addDomain('acme.example'), 'https://a.example/');
    expect(await syncWith(pbx, await lastState())).toEqual({ kind: 'unchanged' });
  });

  it.each<[string, (id: string) => Promise<unknown>]>([
    ['a domain there', () => pbx.sql(`update v_domains set domain_name = 'new.example'`)], ['a domain disabled there', () => pbx.sql('update v_domains set domain_enabled = false')],
    ['a key there', () => pbx.sql(`update v_event_domain set callback_apikey = ''`)], ['a row more there', (id) => pbx.subscribe(id, 'https://a.example/2')],
    ['a domain here', () => addDomain(ours.pool, 'local.example')], ['a subscription here', () => ours.pool.query(`update event_domain set callback_apikey = 'by hand'`)],
    ['a token here', (id) => insertToken(ours.pool, { sha256: Buffer.alloc(32, 2), label: '', domainId: id, expiresAt: null })],
  ])('but %s that has changed is seen', async (_name, change) => {
    const id = await pbx.addDomain('acme.example');
    await pbx.subscribe(id, 'https://a.example/');
    const state = await lastState();
    await change(id);
    expect(await syncWith(pbx, state)).toMatchObject({ kind: 'synced' });
    expect((await subscriptions())[0]).toMatchObject({ key: '' });
  });
});

it('ten thousand domains with fifty thousand subscriptions are taken over, and compared again', async () => {
  await pbx.sql(`insert into v_domains (domain_uuid, domain_name, domain_enabled) select gen_random_uuid(), 'tenant' || n || '.example', true from generate_series(1, 10000) n`);
  await pbx.sql(`insert into v_event_domain (event_domain_uuid, domain_uuid, event_name, callback_url) select gen_random_uuid(), domain_uuid, 'cdr', 'https://hooks.example/' || n from v_domains, generate_series(1, 5) n`);
  const first = await syncWith(pbx);
  expect(first).toMatchObject({ kind: 'synced', changes: { domainsAdded: 10_000, subscriptionsAdded: 50_000 } });
  expect(await sync()).toEqual(NOTHING);
});

import { systemClock } from '../../src/clock.js';
import { createDirectoryFeed, type DirectoryFeed } from '../../src/db/directory-feed.js';
import { deleteSubscription, upsertSubscription } from '../../src/db/subscriptions.js';
import { addDomain } from '../../src/db/tenants.js';
import type { Logger } from '../../src/log.js';
import { createVault } from '../../src/seal.js';
import { createDirectory, type Directory } from '../../src/subscriptions/directory.js';
import { SigningKey } from '../../src/webhook/sign.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { asAdmin } from '../support/server.js';
import { SECRET } from '../support/signing.js';
import { silentLog } from '../support/silent-log.js';

let database: TestDatabase;
let directory: Directory;
let feed: DirectoryFeed;
let acmeId: string;
const vault = createVault([]);
const warnings: string[] = [];
let onWarning: () => void;
const log: Logger = { ...silentLog, warn: (message) => { warnings.push(message); onWarning(); } };

beforeAll(async () => { database = await createDatabase(); });
afterAll(() => database.drop());
beforeEach(async () => {
  await database.pool.query('truncate domain cascade');
  acmeId = (await addDomain(database.pool, 'acme.example')).domain.id;
  directory = createDirectory();
  feed = createFeed(directory);
  warnings.length = 0;
  onWarning = () => {};
});
afterEach(() => feed.stop(new AbortController().signal));

function createFeed(into: Directory): DirectoryFeed {
  return createDirectoryFeed({ directory: into, db: database.pool, url: database.url, vault, clock: systemClock, log, random: Math.random });
}

const sql = (text: string, values?: unknown[]) => database.pool.query(text, values);
const subscribe = async (url = 'https://a.example') => (await upsertSubscription(database.pool, acmeId, 'ringing', url, ''))!;
const urls = (name = 'acme.example') => directory.find(name, 'ringing').map(({ url }) => url);

const signing = () => directory.find('acme.example', 'ringing').flatMap((one) => (one.signing.kind === 'keys' ? one.signing : []));
const signsWith = (key: SigningKey) => signing().some(({ current }) => current.equals(key));
const alsoSignsWith = (key: SigningKey) => signing().some(({ previous }) => previous?.key.equals(key));

/** Waits, reload by reload, until it holds. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await feed.nextReload();
}

/** The connection that listens is cut, as a restarting Postgres would. */
const cutListener = () => sql(`select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and query like 'listen %'`);

it('holds everything once started, and is fresh then', async () => {
  await subscribe();
  expect(feed.isFresh()).toBe(false);
  await feed.start();
  expect(feed.isFresh()).toBe(true);
  expect(urls()).toEqual(['https://a.example']);
});

it('does not start without its database', async () => {
  const nowhere = createDirectoryFeed({ directory, db: database.pool, url: 'postgres://nobody@127.0.0.1:1/none', vault, clock: systemClock, log, random: Math.random });
  await expect(nowhere.start()).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  await nowhere.stop(new AbortController().signal);
});

it('is right within 100 ms of a commit, whoever made it', async () => {
  await feed.start();
  const took: number[] = [];
  const timed = async (change: () => Promise<unknown>, holds: () => boolean) => {
    await change();
    const committedAt = performance.now();
    await until(holds);
    took.push(performance.now() - committedAt);
  };
  for (let i = 0; i < 10; i += 1) {
    const url = `https://${i}.example`;
    let id!: string;
    await timed(async () => { ({ id } = await subscribe(url)); }, () => urls().includes(url));
    await timed(() => sql('update event_domain set callback_url = $2 where event_domain_uuid = $1', [id, `${url}/moved`]), () => urls().includes(`${url}/moved`));
    await timed(() => deleteSubscription(database.pool, acmeId, id), () => directory.byId(id) === undefined);
  }
  took.sort((a, b) => a - b);
  expect(took[Math.floor(took.length / 2)]).toBeLessThan(100); // the median: a busy machine may pause any single one
});

it.each([
  ['a new domain', `insert into domain (domain_name) values ('new.example')`, () => directory.isTenant('new.example')],
  ['a rename', `update domain set domain_name = 'new.example'`, () => urls('new.example').length === 1 && !directory.isTenant('acme.example')],
  ['a domain disabled', `update domain set enabled = false`, () => urls().length === 0 && directory.isTenant('acme.example')],
  ['a domain removed', `delete from domain`, () => !directory.isTenant('acme.example') && directory.size().subscriptions === 0],
  ['a subscription disabled', `update event_domain set enabled = false`, () => directory.find('acme.example', 'ringing')[0]?.enabled === false],
  ['another key', `update event_domain set callback_apikey = 'k'`, () => directory.find('acme.example', 'ringing')[0]?.apiKey === 'k'],
  ['another format', `update event_domain set payload_format = 'v2'`, () => directory.find('acme.example', 'ringing')[0]?.format === 'v2'],
  ['another rate', `update event_domain set rate_per_second = 5`, () => directory.find('acme.example', 'ringing')[0]?.ratePerSecond === 5],
  ['another secret', `update receiver set secret = '${SECRET}'`, () => signsWith(SigningKey.of(SECRET)!)],
  ['a rotation', `update receiver set previous_secret = '${SECRET}', previous_until = now() + interval '1 hour'`, () => alsoSignsWith(SigningKey.of(SECRET)!)],
  ['a subscription copied', `insert into event_domain (domain_uuid, event_name, callback_url) select domain_uuid, 'cdr', callback_url from event_domain`, () => directory.find('acme.example', 'cdr').length === 1],
  ['all subscriptions truncated', 'truncate event_domain cascade', () => urls().length === 0],
])('follows %s', async (_name, change, holds) => {
  await subscribe();
  await feed.start();
  expect(holds()).toBe(false);
  await sql(change);
  await until(holds);
});

it('follows a change of a thousand rows, in one domain or in a thousand', async () => {
  await feed.start();
  await sql(`insert into domain (domain_name) select 'd' || n from generate_series(1, 1000) n`);
  await sql(`insert into event_domain (domain_uuid, event_name, callback_url) select domain_uuid, 'ringing', 'https://' || domain_name from domain`);
  await sql(`insert into event_domain (domain_uuid, event_name, callback_url) select $1, 'cdr', 'https://' || n from generate_series(1, 1000) n`, [acmeId]);
  await until(() => directory.size().subscriptions === 2001);
  await sql(`update event_domain set callback_url = callback_url || '/v2' where event_name = 'ringing'`);
  const names = Array.from({ length: 1000 }, (_, i) => `d${i + 1}`);
  await until(() => names.every((name) => directory.find(name, 'ringing')[0]?.url === `https://${name}/v2`)); // told in one packet or in many
  expect(directory.find('d1', 'ringing')).toMatchObject([{ url: 'https://d1/v2' }]);
  expect(directory.find('acme.example', 'cdr')).toHaveLength(1000);
});

it('misses nothing that is committed while it starts', async () => {
  const changes = Array.from({ length: 40 }, (_, i) => subscribe(`https://${i}.example`));
  await Promise.all([feed.start(), ...changes]);
  await until(() => urls().length === 40);
});

it('loads everything again after its connection was lost', async () => {
  await feed.start();
  // Nobody is told of this one, as if it had been committed while nobody listened.
  await sql(`begin; set local session_replication_role = replica;
             insert into event_domain (domain_uuid, domain_name, event_name, callback_url) select domain_uuid, domain_name, 'ringing', 'https://untold.example' from domain;
             commit`);
  expect(urls()).toEqual([]);
  await cutListener();
  await until(() => urls().includes('https://untold.example'));
  expect(feed.isFresh()).toBe(true);
  await subscribe('https://told.example');
  await until(() => urls().includes('https://told.example'));
  expect(warnings).toContain('directory feed lost its connection');
});

it('is not fresh while the database is away, keeps what it had, and catches up', async () => {
  await subscribe();
  await feed.start();
  const name = new URL(database.url).pathname.slice(1);
  const failed = new Promise<void>((resolve) => { onWarning = () => { if (warnings.includes('directory could not be reloaded')) resolve(); }; });
  await asAdmin(database.url, async (admin) => {
    await admin.query(`alter database ${name} allow_connections false`);
    await admin.query(`select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1`, [name]);
    await failed;
    expect(feed.isFresh()).toBe(false);
    expect(urls()).toEqual(['https://a.example']);
    const reloaded = feed.nextReload();
    await admin.query(`alter database ${name} allow_connections true`);
    await reloaded;
  });
  expect(feed.isFresh()).toBe(true);
});

it('takes a notification that names no domain for a change of everything', async () => {
  await feed.start();
  const reloaded = feed.nextReload();
  await sql(`select pg_notify('hookswitch_directory', 'no uuid')`);
  await reloaded;
  expect(feed.isFresh()).toBe(true);
});

it('keeps what has not changed as it is when it loads everything again', async () => {
  const [same, changed] = [await subscribe(), await subscribe('https://b.example')];
  await feed.start();
  const before = directory.byId(same.id);
  await sql(`with done as (update event_domain set enabled = false where event_domain_uuid = $1 returning 1) select pg_notify('hookswitch_directory', '*') from done`, [changed.id]);
  await until(() => directory.byId(changed.id)?.enabled === false);
  expect(directory.byId(same.id)).toBe(before);
});

it('reaches every daemon on the database', async () => {
  const theirs = createDirectory();
  const second = createFeed(theirs);
  await Promise.all([feed.start(), second.start()]);
  await subscribe();
  await until(() => urls().length === 1);
  while (theirs.find('acme.example', 'ringing').length === 0) await second.nextReload();
  await second.stop(new AbortController().signal);
});

it('lets go of its connection when it stops, may stop twice, and before its start', async () => {
  await createFeed(createDirectory()).stop(new AbortController().signal);
  await feed.start();
  await feed.stop(new AbortController().signal);
  await feed.stop(new AbortController().signal);
  const { rows } = await sql(`select count(*) as listening from pg_stat_activity where datname = current_database() and query like 'listen %' and pid <> pg_backend_pid()`);
  expect(rows).toEqual([{ listening: 0 }]);
});

it('loads 100,000 subscriptions of 1,000 tenants with under two seconds of work', async () => {
  await sql(`insert into domain (domain_name) select 'tenant' || n || '.example' from generate_series(1, 999) n`);
  await sql(`insert into event_domain (domain_uuid, event_name, callback_url, callback_apikey)
             select domain_uuid, (array['ringing', 'answered', 'hangup', 'cdr'])[1 + n % 4], 'https://hooks.' || domain_name || '/' || n / 4, md5(domain_name)
               from domain, generate_series(1, 100) n`);
  // A URL gets its secret once, which costs as much again.
  await sql(`insert into receiver (domain_uuid, callback_url, secret) select distinct domain_uuid, callback_url, $1 from event_domain`, [SECRET]);
  const before = process.cpuUsage();
  await feed.start();
  const { user, system } = process.cpuUsage(before); // and not by the clock, which also counts what others do on this machine
  expect((user + system) / 1_000).toBeLessThan(2_000);
  expect(directory.size()).toEqual({ domains: 1_000, subscriptions: 100_000 });
}, 30_000); // to insert them takes far longer

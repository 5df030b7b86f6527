import { systemClock, type Clock } from '../../src/clock.js';
import type { LogFields, Logger } from '../../src/log.js';
import type { Service } from '../../src/lifecycle.js';
import { createMetrics } from '../../src/metrics.js';
import { createVault } from '../../src/seal.js';
import { createFusionPbx } from '../../src/sources/fusionpbx.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { asAdmin } from '../support/server.js';
import { silentLog } from '../support/silent-log.js';
import { createPbx, type Pbx } from './pbx.js';

let ours: TestDatabase;
let pbx: Pbx;
const running: Service[] = [];
beforeAll(async () => { [ours, pbx] = await Promise.all([createDatabase(), createPbx()]); });
afterAll(async () => { await ours.drop(); await pbx.drop(); });
beforeEach(async () => {
  await ours.pool.query('truncate domain cascade');
  await pbx.sql('truncate v_domains, v_event_domain');
});
afterEach(async () => { for (const service of running.splice(0)) await service.stop(new AbortController().signal); });

/** The service with a clock that a test moves: `look` lets it look once more, and resolves when it waits again. */
function createService(url = pbx.url) {
  const lines: { level: string; message: string; fields: LogFields }[] = [];
  const say = (level: string) => (message: string, fields: LogFields = {}) => { lines.push({ level, message, fields }); };
  const log: Logger = { ...silentLog, info: say('info'), warn: say('warn') };
  let wake = () => {};
  let onWait = () => {};
  const clock: Clock = {
    ...systemClock,
    sleep: (_ms, signal) => new Promise((resolve) => {
      wake = resolve;
      signal?.addEventListener('abort', () => resolve(), { once: true });
      onWait();
    }),
  };
  const metrics = createMetrics();
  const check = ({ event, url: to, apiKey }: { event: string; url: string; apiKey: string }) => (to.startsWith('https:') ? { kind: 'valid', event, url: to, apiKey } as const : { kind: 'refused', reason: 'no https' } as const);
  const service = createFusionPbx({ url, pollMs: 60_000, subscriptions: true }, { pool: ours.pool, check, vault: createVault([]), clock, log, metrics, random: () => 0.5 });
  running.push(service);
  return {
    service, lines, metrics,
    start: async () => {
      const waits = new Promise<void>((resolve) => { let times = 0; onWait = () => { if (++times === 2) resolve(); }; }); // for the first look, then for the next
      await service.start();
      await waits;
    },
    look: async () => {
      const waits = new Promise<void>((resolve) => { onWait = resolve; });
      wake();
      await waits;
    },
    said: (level: string) => lines.filter((line) => line.level === level).map(({ message }) => message),
  };
}

const names = async () => (await ours.pool.query<{ name: string }>('select domain_name as name from domain order by 1')).rows.map(({ name }) => name);

/** What to do while the PBX's database lets nobody in. */
async function away(work: () => Promise<void>): Promise<void> {
  const name = new URL(pbx.url).pathname.slice(1);
  await asAdmin(pbx.url, async (admin) => {
    await admin.query(`alter database ${name} allow_connections false`);
    await work().finally(() => admin.query(`alter database ${name} allow_connections true`));
  });
}

it('has taken the domains over once it is started, follows them, and says what it took', async () => {
  await pbx.addDomain('first.example');
  const { start, look, lines, said } = createService();
  await start();
  expect(await names()).toEqual(['first.example']);
  await look();
  await pbx.addDomain('second.example');
  await look();
  expect(await names()).toEqual(['first.example', 'second.example']);
  expect(said('info')).toEqual(['taken over from FusionPBX', 'taken over from FusionPBX']); // and nothing of the look between
  expect(lines.at(-1)!.fields).toMatchObject({ domainsAdded: 1, domainsChanged: 0 });
});

it('starts without the database, warns once, and takes over when it is there', async () => {
  await pbx.addDomain('late.example');
  const { start, look, said, metrics } = createService();
  await away(async () => {
    await start();
    await look();
    expect(await names()).toEqual([]);
    expect(said('warn')).toEqual(['the FusionPBX database cannot be read; what was taken from it stays']);
  });
  await look();
  expect(await names()).toEqual(['late.example']);
  expect(said('info')).toEqual(['the FusionPBX database is read again', 'taken over from FusionPBX']);
  expect((await metrics.sourceSyncs.get()).values.map(({ labels, value }) => [labels.outcome, value])).toEqual([['failed', 2], ['synced', 1]]);
});

it('keeps what it has while the database is away, and warns of each change of state', async () => {
  await pbx.addDomain('kept.example');
  const { start, look, lines, said } = createService();
  await start();
  await away(async () => { await look(); await look(); });
  await look();
  await away(look);
  await pbx.sql('alter table v_domains rename to elsewhere');
  await look();
  await look();
  await pbx.sql('alter table elsewhere rename to v_domains');
  expect(await names()).toEqual(['kept.example']);
  expect(lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields.code)).toEqual(['55000', '55000', '42P01']);
  await pbx.sql('truncate v_domains');
  await look();
  await look();
  expect(said('warn').slice(3)).toEqual(['the FusionPBX database has no domain any more; nothing is removed here']);
  expect(await names()).toEqual(['kept.example']);
});

it('counts bad rows and names each once, and again where it has been mended in between', async () => {
  const id = await pbx.addDomain('bad.example');
  const bad = await pbx.subscribe(id, 'http://secret.example/path', 'cdr', 'secret-key');
  const { start, look, lines, metrics } = createService();
  const skipped = async () => (await metrics.sourceSkipped.get()).values.map(({ labels, value }) => [labels.what, value]);
  await start();
  await look();
  expect(await skipped()).toEqual([['domain', 0], ['subscription', 1]]);
  expect(lines.filter(({ level }) => level === 'warn')).toEqual([{ level: 'warn', message: 'a row of FusionPBX cannot be taken over', fields: { what: 'subscription', id: bad, reason: 'no https' } }]);
  await pbx.sql(`update v_event_domain set callback_url = 'https://secret.example/path'`);
  await look();
  expect(await skipped()).toEqual([['domain', 0], ['subscription', 0]]);
  await pbx.sql(`update v_event_domain set callback_url = 'http://secret.example/path'`);
  await look();
  expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(2);
  expect(JSON.stringify(lines)).not.toMatch(/secret/);
});

it('does not fill the log where a whole table is bad', async () => {
  await pbx.sql(`insert into v_domains (domain_uuid, domain_name) select gen_random_uuid(), 'bad name ' || n from generate_series(1, 1000) n`);
  const { start, lines } = createService();
  await start();
  expect(lines).toHaveLength(21);
  expect(lines.at(-1)).toMatchObject({ message: 'more rows of FusionPBX cannot be taken over', fields: { rows: 980 } });
});

it('a database that does not answer holds up neither the start nor the stop', async () => {
  const locker = await pbx.pool.connect();
  await locker.query('begin');
  await locker.query('lock table v_domains in access exclusive mode');
  const hung = createFusionPbx({ url: pbx.url, pollMs: 60_000, subscriptions: true }, {
    pool: ours.pool, check: () => ({ kind: 'refused', reason: '' }), vault: createVault([]), log: silentLog, metrics: createMetrics(), random: () => 0.5,
    clock: { ...systemClock, sleep: () => Promise.resolve() }, // the start's patience is over at once
  });
  await hung.start();
  await hung.stop(new AbortController().signal);
  await hung.stop(new AbortController().signal);
  await locker.query('rollback');
  locker.release();
});

it('may be stopped before its start', async () => {
  await createService().service.stop(new AbortController().signal);
});

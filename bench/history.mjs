// What the history costs who asks for it, and how fast it is sent once more: `npm run figures:history [-- rows of one tenant]`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findCall, findDelivery } from '../dist/db/delivery-detail.js';
import { listDeliveries } from '../dist/db/delivery-list.js';
import { openEmbedded } from '../dist/db/embedded.js';
import { migrate } from '../dist/db/migrate.js';
import { replay } from '../dist/db/outbox-replay.js';
import { createPool } from '../dist/db/pool.js';
import { createReader } from '../dist/db/reader.js';
import { addReplay, findReplay } from '../dist/db/replays.js';
import { upsertSubscription } from '../dist/db/subscriptions.js';
import { addDomain } from '../dist/db/tenants.js';
import { laneKey, urlKey } from '../dist/webhook/identity.js';
import { startHelper } from './surroundings.mjs';

const ROWS = Number(process.argv[2] ?? 200_000);
const OTHERS = 200;
const DAYS = 14;
const REPLAYED = Math.min(10_000, ROWS / 10);
const PROGRAM = fileURLToPath(new URL('../bin/hookswitch.js', import.meta.url));
const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

const folder = await mkdtemp(join(tmpdir(), 'hookswitch-history-'));
const database = await openEmbedded({ folder, log: silent });
const pool = createPool({ url: database.url, statementTimeoutMs: 0 }, silent);
const receiver = await startHelper('receiver.mjs');
try {
  await migrate(database.url, silent);
  for (let day = 0; day <= DAYS; day++) await pool.query(`select make_history_day((now() at time zone 'utc')::date - $1::integer)`, [day]);
  const me = await tenant('large.example');
  await fill(me, ROWS);
  for (let n = 0; n < OTHERS; n++) await fill(await tenant(`other${n}.example`), Math.round(ROWS / OTHERS));
  await pool.query('vacuum analyze delivery');
  await look(me);
  await stepAlone(me);
  await replayAll(me);
} finally {
  receiver.stop();
  await pool.end();
  await database.stop();
  await rm(folder, { recursive: true, force: true });
}

async function tenant(name) {
  const { domain: { id: domainId } } = await addDomain(pool, name);
  const url = `http://127.0.0.1:${receiver.port}/${name}`;
  return { domainId, url, id: (await upsertSubscription(pool, domainId, 'cdr', url, '')).id };
}

/** Calls of four webhooks each, over all days; a tenth was given up. */
async function fill({ domainId, url, id }, rows) {
  for (let from = 0; from < rows; from += 50_000) {
    const calls = Array.from({ length: Math.ceil(Math.min(50_000, rows - from) / 4) }, (_, n) => `${id} ${from / 4 + n}`);
    await pool.query(
      `insert into delivery (id, lane, url_key, subscription_id, domain_uuid, occurred_at, created_at, due_at, settled_at, day, position, sequence, attempt, state, event, url, flow_id, call_id, from_number, to_number, body, ttl_ms)
       select gen_random_uuid(), c.lane, $3, $4, $5, at, at, at, at, (at at time zone 'utc')::date, s, s, 1, case when c.n % 10 = 0 then 'abandoned' else 'delivered' end,
              (array['ringing', 'answered', 'hangup', 'cdr'])[s], $6, c.flow, c.flow, '+1202555' || lpad((c.n % 10000)::text, 4, '0'), '1001',
              json_build_object('call_id', c.flow, 'state', (array['ringing', 'answered', 'hangup', 'cdr'])[s], 'padding', repeat('x', 300))::text, 259200000
         from unnest($1::text[], $2::bigint[]) with ordinality as c (flow, lane, n)
        cross join generate_series(1, 4) s
        cross join lateral (select date_trunc('day', now() at time zone 'utc') at time zone 'utc' - (c.n % ${DAYS}) * interval '1 day' - s * interval '1 ms' + (c.n % 1000) * interval '1 s' as at) t`,
      [calls, calls.map((flow) => laneKey(url, flow)), urlKey(url), id, domainId, url],
    );
  }
}

async function timed(name, work) {
  await work();
  const times = [];
  let result;
  for (let n = 0; n < 5; n++) {
    const startedMs = performance.now();
    result = await work();
    times.push(performance.now() - startedMs);
  }
  console.log(`${name}: ${times.sort((a, b) => a - b)[2].toFixed(1)} ms`);
  return result;
}

async function look({ domainId }) {
  const read = createReader(pool, { lookMs: 5_000 });
  const { rows: [{ count }] } = await pool.query('select count(*)::integer as count from delivery');
  console.log(`${count} deliveries of ${OTHERS + 1} tenants, ${ROWS} of one`);
  const list = (filter, after) => listDeliveries(read, domainId, filter, 101, after);
  const first = await timed('the newest 100', () => list({}));
  const [last] = await listDeliveries(read, domainId, { to: new Date(Date.now() - (DAYS - 1) * 86_400_000) }, 1);
  await timed('100 after a cursor near the end', () => list({}, last));
  await timed('the newest 100 that were given up', () => list({ states: ['abandoned'] }));
  await timed('all of one call', () => list({ callId: first[50].callId }));
  await timed('a number that is rare', () => list({ number: '+12025557777' }));
  await timed('a number that there is not', () => list({ number: 'nobody' }));
  await timed('the newest 100 of all tenants', () => listDeliveries(read, null, {}, 101));
  await timed('one delivery', () => findDelivery(read, domainId, first[0].id));
  await timed('one call', () => findCall(read, domainId, first[0].flowId));
}

/** Steps without a pause or a bound, and nobody who sends. */
async function stepAlone({ domainId, id }) {
  const startedMs = performance.now();
  let total = 0;
  for (let cursor = null; ;) {
    const { replayed, cursor: next } = await replay(pool, { domainId, subscriptionId: id, states: ['delivered'], to: new Date() }, 500, cursor);
    total += replayed;
    cursor = next;
    if (cursor === null || total >= REPLAYED) break;
  }
  console.log(`steps alone: ${Math.round(total / ((performance.now() - startedMs) / 1_000))} a second made due`);
  await pool.query(`update delivery set state = 'delivered', settled_at = now() where state = 'pending'`);
}

async function replayAll({ domainId, url, id }) {
  const daemon = spawn(process.execPath, [PROGRAM, 'run'], {
    env: { PATH: process.env.PATH, DATABASE_URL: database.url, HOOKSWITCH_HTTP_PORT: '0', HOOKSWITCH_SWITCH_HOST: '127.0.0.1', HOOKSWITCH_SWITCH_PORT: '9', HOOKSWITCH_SWITCH_PASSWORD: 'x', HOOKSWITCH_ALLOW_ADDRESSES: '127.0.0.0/8' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    await receiver.ask('expect', { count: REPLAYED, note: false });
    const startedMs = performance.now();
    const { id: replayId } = await addReplay(pool, { domainId, subscriptionId: id, callId: null, number: null, from: null, to: null, states: ['abandoned'] });
    const done = receiver.said('complete').then(() => performance.now());
    let told;
    do {
      await new Promise((resolve) => { setTimeout(resolve, 50); });
      told = await findReplay(pool, domainId, replayId);
    } while (told.state === 'running');
    const seconds = (told.finishedAt - told.createdAt) / 1_000;
    console.log(`replayed ${told.replayed} of ${told.matched} in ${seconds.toFixed(1)} s: ${Math.round(told.replayed / seconds)} a second made due, with the daemon's start`);
    const doneMs = await Promise.race([done, once(daemon, 'exit').then(() => { throw new Error('The daemon ended'); })]);
    console.log(`${REPLAYED} received at ${url.split('/').at(-1)}: ${Math.round(REPLAYED / ((doneMs - startedMs) / 1_000))} a second, with the daemon's start`);
  } finally {
    daemon.kill('SIGTERM');
    await once(daemon, 'exit').catch(() => {});
  }
}

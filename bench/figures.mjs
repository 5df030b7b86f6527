// What the built daemon achieves on this machine: `npm run figures`, or with options `npm run figures -- --quick`.
//
//   --quick               less of everything, in under a minute
//   --only <figure>       throughput, latency, memory or reconciliation
//   --profile             profiles the daemon at full speed instead, lists where its time went, and leaves the profile in var/profile
//
// The switch, the daemon and the receiver are processes of their own, with Postgres a fourth, all on this machine. The table goes
// to standard error, the same as JSON to standard output.
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { withDatabase } from '../dist/cli/database.js';
import { loadConfig } from '../dist/config.js';
import { upsertSubscription } from '../dist/db/subscriptions.js';
import { addDomain } from '../dist/db/tenants.js';
import { createLogger } from '../dist/log.js';
import { TENANTS } from './calls.mjs';
import { begin, latencies, percentile } from './measures.mjs';
import { topFunctions } from './profile.mjs';
import { startDaemon, startHelper } from './surroundings.mjs';
import { usageOf } from './usage.mjs';

const { values: options } = parseArgs({ options: { quick: { type: 'boolean' }, only: { type: 'string' }, profile: { type: 'boolean' } } });
const say = (text) => process.stderr.write(`${text}\n`);
const size = options.quick
  ? { runs: 1, webhooks: 8_000, seconds: 10, events: 100_000, step: 20_000, calls: 500 }
  : { runs: 3, webhooks: 20_000, seconds: 60, events: 1_000_000, step: 100_000, calls: 2_500 };

const password = randomBytes(16).toString('hex');
const folder = await mkdtemp(join(tmpdir(), 'hookswitch-figures-'));
await chmod(folder, 0o711); // where we are root, Postgres runs as another user
const player = await startHelper('player.mjs', [password]);
const receiver = await startHelper('receiver.mjs', [], (received) => player.tell({ received }));
const ends = { player, receiver };
const env = {
  HOOKSWITCH_NAME: 'figures', HOOKSWITCH_DATA_DIR: folder, HOOKSWITCH_LOG_LEVEL: 'warn', HOOKSWITCH_ALLOW_ADDRESSES: '127.0.0.0/8',
  HOOKSWITCH_SWITCH_HOST: '127.0.0.1', HOOKSWITCH_SWITCH_PORT: String(player.port), HOOKSWITCH_SWITCH_PASSWORD: password,
};

const figures = { throughput: measureThroughput, latency: measureLatency, memory: measureMemory, reconciliation: measureReconciliation };
const chosen = options.profile ? { profile } : options.only ? { [options.only]: figures[options.only] } : figures;

const interrupted = new Promise((_resolve, reject) => {
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => reject(new Error('Stopped before its end')));
});
interrupted.catch(() => {}); // heard only while a daemon runs

try {
  const config = loadConfig({ env });
  const log = createLogger({ level: 'warn', format: 'text', stream: process.stderr });
  const result = { node: process.version, cpu: cpus()[0].model, cores: cpus().length, tenants: TENANTS.length };
  // Held to the end, so that Postgres is the same for every daemon.
  await withDatabase(config, log, async ({ db }) => {
    for (const domain of TENANTS) await subscribe(db, domain);
    for (const [name, measure] of Object.entries(chosen)) result[name] = await measure();
  });
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
} finally {
  player.stop();
  receiver.stop();
  await rm(folder, { recursive: true, force: true });
}

async function subscribe(db, domain) {
  const { domain: { id } } = await addDomain(db, domain);
  for (const event of ['ringing', 'answered', 'hangup', 'cdr']) await upsertSubscription(db, id, event, `http://127.0.0.1:${receiver.port}/${domain}`, 'key');
}

/** With a daemon of its own, fresh, and stopped afterwards. */
async function withDaemon(work, flags) {
  const daemon = await startDaemon(player, env, flags);
  try {
    return await Promise.race([daemon.during(work(daemon)), interrupted]);
  } finally {
    await daemon.stop();
  }
}

/** From the first byte on the switch's socket to the arrival of the last webhook. */
async function fullSpeed(webhooksAtLeast) {
  const one = await player.ask('prepare', { rounds: 1 });
  const { events, webhooks } = await player.ask('prepare', { rounds: Math.ceil(webhooksAtLeast / one.webhooks) });
  await begin(ends, { count: webhooks, note: false });
  const complete = receiver.said('complete');
  const { startedAtMs, sentAtMs } = await player.ask('full');
  const { atMs } = await complete;
  const seconds = (atMs - startedAtMs) / 1_000;
  return { events, webhooks, readSeconds: rounded((sentAtMs - startedAtMs) / 1_000, 2), seconds: rounded(seconds, 2), webhooksPerSecond: Math.round(webhooks / seconds) };
}

async function measureThroughput() {
  say('Webhooks per second, at full speed:');
  const runs = await withDaemon(async () => {
    const done = [];
    while (done.length < size.runs) {
      const run = await fullSpeed(size.webhooks);
      say(`  ${run.webhooks} webhooks of ${run.events} events in ${run.seconds} s: ${run.webhooksPerSecond} a second`);
      done.push(run);
    }
    return done;
  });
  const medianPerSecond = percentile(runs.map(({ webhooksPerSecond }) => webhooksPerSecond), 0.5);
  say(`  median ${medianPerSecond} webhooks a second`);
  return { medianPerSecond, runs };
}

async function measureLatency() {
  const perSecond = 100;
  say(`From the event on the socket to its POST received, at ${perSecond} events a second for ${size.seconds} s:`);
  const latenciesMs = await withDaemon(() => latencies(ends, { perSecond, seconds: size.seconds }));
  const at = (share) => rounded(percentile(latenciesMs, share), 1);
  const figure = { webhooks: latenciesMs.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
  say(`  p50 ${figure.p50Ms} ms, p99 ${figure.p99Ms} ms, worst ${figure.maxMs} ms, of ${figure.webhooks} webhooks`);
  return figure;
}

async function measureMemory() {
  say(`Memory of the daemon while ${size.events} events come at full speed:`);
  return await withDaemon(async (daemon) => {
    const steps = [];
    const look = async (events) => {
      const { received } = await receiver.ask('count');
      const step = { events, received, buffered: await daemon.buffered(), residentMb: (await usageOf(daemon.pid)).residentMb };
      steps.push(step);
      say(`  ${String(events).padStart(9)} events, ${String(received).padStart(7)} received, ${String(step.buffered).padStart(6)} not committed: ${step.residentMb} MB`);
    };
    let [events, webhooks] = [0, 0];
    await begin(ends, { count: Infinity, note: false });
    await look(0);
    while (events < size.events) {
      const sent = await player.ask('stream', { events: size.step });
      events += sent.events;
      webhooks += sent.webhooks;
      await look(events);
    }
    const complete = receiver.said('complete');
    await receiver.ask('until', { count: webhooks });
    await complete;
    await look(events);
    return { events, webhooks, highestMb: Math.max(...steps.map(({ residentMb: mb }) => mb)), afterAllMb: steps.at(-1).residentMb, steps };
  });
}

/** The last figure, for the switch keeps these channels. */
async function measureReconciliation() {
  const { channels, owed } = await player.ask('open', { calls: size.calls });
  say(`From the link to the last webhook made up for, with ${channels} channels up that the daemon knows nothing of:`);
  await begin(ends, { count: owed, note: false });
  const complete = receiver.said('complete');
  return await withDaemon(async () => {
    const startedAtMs = performance.timeOrigin + performance.now();
    const { atMs } = await complete;
    const seconds = rounded((atMs - startedAtMs) / 1_000, 2);
    say(`  ${owed} webhooks in ${seconds} s`);
    return { channels, webhooks: owed, seconds };
  });
}

async function profile() {
  const into = fileURLToPath(new URL('../var/profile', import.meta.url));
  await rm(into, { recursive: true, force: true });
  const run = await withDaemon(() => fullSpeed(size.webhooks), ['--cpu-prof', `--cpu-prof-dir=${into}`]);
  const top = await topFunctions(into);
  say(`${run.webhooksPerSecond} webhooks a second under the profiler. Its own time, of the time it was busy:`);
  for (const { function: name, percent, ms } of top) say(`  ${String(percent).padStart(5)} %  ${String(ms).padStart(6)} ms  ${name}`);
  return { ...run, top };
}

function rounded(value, digits) {
  return Number(value.toFixed(digits));
}

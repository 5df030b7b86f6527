// Side by side on this machine: `npm run bench`, or with options `npm run bench -- --quick`.
//
//   --quick         one short run of each, in under two minutes
//   --only <part>   contest (throughput, CPU, memory, latency), storage (what Postgres writes) or conditions (hookswitch when there
//                   is much of something); soak, by itself: an ordinary load for long, and what is left dead in the tables
//   --runs <n>      runs of each figure; the median counts
//   --rates <list>  events a second at which the contest takes latencies; 50,200,500 by default
//   --minutes <n>   how long the soak takes; 30 by default
//
// Every contestant hears the same switch over TCP and POSTs to the same receiver; each is a process of its own, and so are the
// switch, the receiver and Postgres. The tables go to standard error, all figures as JSON to standard output and to var/bench.json.
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CONDITIONS } from './conditions.mjs';
import { fullSpeed, latencies, limit, percentile, storage, summary } from './measures.mjs';
import { soak } from './soak.mjs';
import { openStage } from './stage.mjs';

const { values: options } = parseArgs({ options: { quick: { type: 'boolean' }, only: { type: 'string' }, runs: { type: 'string' }, rates: { type: 'string' }, minutes: { type: 'string', default: '30' } } });
const say = (text) => process.stderr.write(`${text}\n`);
const size = options.quick
  ? { runs: 1, webhooks: 2_000, warmUp: 300, seconds: 3, rates: [200], scale: 0.01 }
  : { runs: 5, webhooks: 20_000, warmUp: 2_000, seconds: 20, rates: [50, 200, 500], scale: 1 };
if (options.runs) size.runs = Number(options.runs);
if (options.rates) size.rates = options.rates.split(',').map(Number);

const stage = await openStage();
const QUEUES = ['naive', 'hookswitch', 'graphile-worker', 'pg-boss', ...(stage.hasRedis ? ['bullmq'] : [])];
if (!stage.hasRedis) say('no redis-server on this machine: without BullMQ');
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => { void stage.close().finally(() => process.exit(130)); });
const result = { node: process.version, cpu: cpus()[0].model, cores: cpus().length, ...size };
try {
  const parts = options.only === 'soak' ? { soak: () => soak(stage, Number(options.minutes), say) } : { contest, storage: stored, conditions };
  for (const [part, measure] of Object.entries(parts)) if (options.only === undefined || options.only === part) result[part] = await measure();
} finally {
  await stage.close();
}
const folder = fileURLToPath(new URL('../var/', import.meta.url));
await mkdir(folder, { recursive: true });
await writeFile(`${folder}bench.json`, `${JSON.stringify(result, null, 2)}\n`);
process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);

/** In turn, so that what else the machine does hits all alike. */
async function contest() {
  const runs = Object.fromEntries([...QUEUES, 'limit'].map((name) => [name, { speed: [], latency: {} }]));
  for (let run = 0; run < size.runs; run += 1) {
    for (const name of QUEUES) await withContestant(name, async (one) => {
      await fullSpeed(stage, [one], size.warmUp);
      runs[name].speed.push(await fullSpeed(stage, [one], size.webhooks));
      say(`${name}: ${runs[name].speed.at(-1).webhooksPerSecond.toFixed(0)} webhooks a second`);
      for (const perSecond of size.rates) {
        const waits = await latencies(stage, { perSecond, seconds: size.seconds });
        (runs[name].latency[perSecond] ??= []).push({ p50: percentile(waits, 0.5), p99: percentile(waits, 0.99), p999: percentile(waits, 0.999) });
      }
    });
    runs.limit.speed.push(await limit(stage, size.webhooks));
    say(`run ${run + 1} of ${size.runs} done`);
  }
  const figures = Object.fromEntries(Object.entries(runs).map(([name, { speed, latency }]) => [name, {
    ...Object.fromEntries(Object.keys(speed[0]).map((figure) => [figure, summary(speed.map((run) => run[figure]))])),
    latencyMs: Object.fromEntries(Object.entries(latency).map(([rate, all]) => [rate, Object.fromEntries(['p50', 'p99', 'p999'].map((of) => [of, summary(all.map((run) => run[of]))]))])),
  }]));
  tell(figures);
  return figures;
}

async function withContestant(name, work) {
  const one = await stage.start(name);
  try {
    return await one.during(work(one));
  } finally {
    await one.stop();
  }
}

async function stored() {
  const figures = {};
  say(`\n${'for each webhook'.padEnd(18)}${['rows written', 'WAL bytes', 'table bytes', 'index bytes'].map((head) => head.padStart(14)).join('')}`);
  for (const name of QUEUES.filter((queue) => queue !== 'naive' && queue !== 'bullmq')) {
    figures[name] = await storage(stage, name, size.webhooks);
    const { rowsWritten, walBytes, tableBytes, indexBytes } = figures[name];
    say(name.padEnd(18) + [rowsWritten.toFixed(1), ...[walBytes, tableBytes, indexBytes].map((bytes) => bytes.toFixed(0))].map((cell) => cell.padStart(14)).join(''));
  }
  say('');
  return figures;
}

/** Each condition beside a run without it, right before; as many times as there are runs, the median of each figure counting. */
async function conditions() {
  const figures = {};
  for (const { name, measure } of CONDITIONS) {
    const runs = [];
    while (runs.length < size.runs) runs.push(await measure(stage, size));
    figures[name] = Object.fromEntries(Object.keys(runs[0]).map((figure) => [figure, summary(runs.map((run) => run[figure]))]));
    say(`${name}${size.scale === 1 ? '' : ' (quick: a hundredth of what there is much of)'}: ${Object.entries(figures[name]).map(([figure, { median }]) => `${figure} ${Number(median.toPrecision(4))}`).join(', ')}`);
  }
  return figures;
}

function tell(figures) {
  const of = (name, figure) => figures[name][figure]?.median;
  say(`\n${''.padEnd(18)}${['webhooks/s', 'of naive', 'of limit', 'CPU us', 'of naive', 'storage us', 'RSS MB', 'spread'].map((head) => head.padStart(12)).join('')}`);
  for (const name of Object.keys(figures)) {
    const perSecond = of(name, 'webhooksPerSecond');
    const cells = [
      perSecond.toFixed(0), (perSecond / of('naive', 'webhooksPerSecond')).toFixed(2), (perSecond / of('limit', 'webhooksPerSecond')).toFixed(2),
      of(name, 'cpuUsPerWebhook').toFixed(0), (of(name, 'cpuUsPerWebhook') / of('naive', 'cpuUsPerWebhook')).toFixed(2),
      (of(name, 'storageUsPerWebhook') ?? 0).toFixed(0), of(name, 'residentMb').toFixed(0), `${(figures[name].webhooksPerSecond.spread * 100).toFixed(0)} %`,
    ];
    say(name.padEnd(18) + cells.map((cell) => cell.padStart(12)).join(''));
  }
  for (const rate of size.rates) {
    say(`\n${`ms at ${rate} events/s`.padEnd(18)}${['p50', 'p99', 'p99.9'].map((head) => head.padStart(12)).join('')}`);
    for (const name of QUEUES) say(name.padEnd(18) + ['p50', 'p99', 'p999'].map((at) => figures[name].latencyMs[rate][at].median.toFixed(1).padStart(12)).join(''));
  }
  say('');
}

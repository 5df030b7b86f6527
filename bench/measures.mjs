import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { usageOf } from './usage.mjs';

/** Both ends count anew. */
export async function begin({ player, receiver }, expected) {
  await receiver.ask('expect', expected);
  await player.ask('begin');
}

/**
 * From the first byte on the switch's socket to the arrival of the last webhook: webhooks a second, and CPU of the contestant
 * and of what stores for each. `processes` are all that deliver.
 */
export async function fullSpeed(stage, processes, webhooksAtLeast) {
  const { player, receiver } = stage;
  const one = await player.ask('prepare', { rounds: 1 });
  const { webhooks } = await player.ask('prepare', { rounds: Math.ceil(webhooksAtLeast / one.webhooks) });
  await begin(stage, { count: webhooks, note: false });
  const complete = receiver.said('complete');
  const cpu = async () => ({ own: (await Promise.all(processes.map(({ pid }) => usageOf(pid)))).reduce((sum, { cpuUs }) => sum + cpuUs, 0), server: await stage.storageCpuUs() });
  const before = await cpu();
  const { startedAtMs } = await player.ask('full');
  const { atMs } = await complete;
  const after = await cpu();
  const usage = await Promise.all(processes.map(({ pid }) => usageOf(pid)));
  return {
    webhooksPerSecond: webhooks / (atMs - startedAtMs) * 1_000,
    cpuUsPerWebhook: (after.own - before.own) / webhooks, storageUsPerWebhook: (after.server - before.server) / webhooks,
    residentMb: Math.max(...usage.map(({ residentMb }) => residentMb)),
  };
}

/** From the event on the socket to its POST received, in milliseconds, for each webhook. */
export async function latencies(stage, { perSecond, seconds }) {
  const { player, receiver } = stage;
  await begin(stage, { count: Infinity, note: true });
  const { written } = await player.ask('paced', { perSecond, seconds });
  const complete = receiver.said('complete');
  await receiver.ask('until', { count: written.length });
  await complete;
  const writtenAtMs = new Map(written);
  return (await receiver.ask('take')).arrivals.map(([webhook, atMs]) => atMs - writtenAtMs.get(webhook));
}

/** What the machine can do: the same bodies by node:http alone. */
export async function limit({ player, receiver }, webhooksAtLeast) {
  const { webhooks } = await player.ask('bodies', { webhooksAtLeast });
  const child = fork(fileURLToPath(new URL('contestants/limit.mjs', import.meta.url)), [], { execArgv: ['--max-semi-space-size=8'], serialization: 'advanced' });
  await once(child, 'message');
  await receiver.ask('expect', { count: webhooks.length, note: false });
  const complete = receiver.said('complete');
  const before = await usageOf(child.pid);
  child.send({ webhooks, receiver: receiver.port });
  const [{ startedAtMs }] = await once(child, 'message');
  const { atMs } = await complete;
  const after = await usageOf(child.pid);
  const exited = once(child, 'exit');
  child.disconnect();
  await exited;
  return { webhooksPerSecond: webhooks.length / (atMs - startedAtMs) * 1_000, cpuUsPerWebhook: (after.cpuUs - before.cpuUs) / webhooks.length, residentMb: after.residentMb };
}

/** What a contestant has Postgres write for each webhook: rows, bytes of its log, and what tables and indexes have grown by. */
export async function storage(stage, name, webhooks) {
  await stage.forget(name);
  const before = await stage.stored(name);
  const one = await stage.start(name);
  await one.during(fullSpeed(stage, [one], webhooks)).finally(() => one.stop());
  const after = await stage.stored(name);
  return Object.fromEntries(Object.keys(after).map((figure) => [figure, (after[figure] - before[figure]) / webhooks]));
}

/** The value below which a share of them lies. */
export function percentile(values, share) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}

/** Of several runs of one figure: the middle one, and how far they lie apart, as a share of it. */
export function summary(values) {
  const median = percentile(values, 0.5);
  return { median, spread: (Math.max(...values) - Math.min(...values)) / median };
}

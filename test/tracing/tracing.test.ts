import { systemClock } from '../../src/clock.js';
import { createMetrics } from '../../src/metrics.js';
import { openTracing, type Tracing } from '../../src/tracing/tracing.js';
import { promiseTo } from '../delivery/promise.js';
import { startCollector, type Collector } from '../support/collector.js';
import { silentLog } from '../support/silent-log.js';
import type { LogFields } from '../../src/log.js';

const leased = { leased: true, expired: false };
const never = () => new AbortController().signal;

let collector: Collector;
afterEach(() => collector.close());

async function open(to: Collector) {
  const metrics = createMetrics();
  const warnings: (LogFields | undefined)[] = [];
  const log = { ...silentLog, warn: (_message: string, fields?: LogFields) => { warnings.push(fields); } };
  const options = { url: to.url, headers: '', share: 1, daemon: 'd', version: '1', secureContext: undefined };
  const tracing = (await openTracing(options, { clock: systemClock, random: () => 0.5, log, metrics })) as Tracing;
  await tracing.service.start();
  const dropped = async () => Object.fromEntries((await metrics.spansDropped.get()).values.map(({ labels, value }) => [String(labels['reason']), value]));
  return { ...tracing, dropped, warnings };
}

const append = ({ trace }: Tracing, count: number) => { for (let position = 1; position <= count; position += 1) trace.appended(promiseTo('http://receiver.test/', 'flow', position), leased); };

it('sends all that it is told, in batches that are bounded', async () => {
  collector = await startCollector();
  const tracing = await open(collector);
  append(tracing, 1_300);
  await tracing.service.stop(never());
  expect(new Set(collector.spans.map(({ attributes }) => attributes['hookswitch.delivery.id'])).size).toBe(1_300);
  expect(collector.requests).toHaveLength(3);
  expect(await tracing.dropped()).toEqual({});
});

it('drops what the collector refuses, counts that and says so once', async () => {
  collector = await startCollector({ answer: 401 });
  const tracing = await open(collector);
  append(tracing, 1_300);
  await tracing.service.stop(never());
  expect(collector.requests).toHaveLength(3);
  expect(await tracing.dropped()).toEqual({ refused: 1_300 });
  expect(tracing.warnings).toEqual([{ reason: 'status 401' }]);
});

it('keeps no more than its bound while the collector hangs, and lets go of it as soon as the daemon must end', async () => {
  collector = await startCollector({ answer: 'hang' });
  const tracing = await open(collector);
  append(tracing, 8_192 + 7);
  await collector.until(() => collector.requests.length === 1);
  expect(await tracing.dropped()).toEqual({ full: 7 });
  const hurry = new AbortController();
  const stopped = tracing.service.stop(hurry.signal);
  hurry.abort();
  await stopped;
  await collector.givenUp();
  expect(await tracing.dropped()).toEqual({ full: 7, stopped: 8_192 });
});

it('a promise that the database will not have is an error in the trace', async () => {
  collector = await startCollector();
  const tracing = await open(collector);
  tracing.trace.unstorable(promiseTo('http://receiver.test/', 'flow', 1), '22P05');
  await tracing.service.stop(never());
  expect(collector.spans).toMatchObject([{ name: 'append', error: '22P05', attributes: { 'hookswitch.append.outcome': 'dropped' } }]);
});

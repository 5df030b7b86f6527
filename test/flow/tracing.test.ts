import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { startCollector, type Collector, type Span } from '../support/collector.js';
import type { Post } from '../support/receiver.js';
import { countOf, newCall, start } from './flow.js';

const KEY = 'Basic c2VjcmV0OnZlcnkgc2VjcmV0';
const NAME = '06-inbound-ext-answered';

let collector: Collector;
let flow: Awaited<ReturnType<typeof start>>;
beforeAll(async () => {
  collector = await startCollector();
  flow = await start({ HOOKSWITCH_TRACING_URL: collector.url, HOOKSWITCH_TRACING_HEADERS: `authorization=${encodeURIComponent(KEY)}`, HOOKSWITCH_RETRY_MS: '50,50,50' });
});
afterAll(async () => { await flow.stop(); await collector.close(); });

/** What a collector knows of a webhook's attempt, by the header that the attempt brought. */
function attemptOf(post: Post): Span {
  const [version, traceId, spanId, flags] = String(post.headers['traceparent']).split('-');
  expect([version, flags]).toEqual(['00', '01']);
  return collector.spans.find((span) => span.traceId === traceId && span.spanId === spanId)!;
}

const parentOf = (span: Span) => collector.spans.find(({ traceId, spanId }) => traceId === span.traceId && spanId === span.parentId)!;
const attempts = () => collector.spans.filter(({ name }) => name === 'attempt');

it('one call is one trace: each webhook its event, in it what was committed, in that the attempt that the receiver can name', async () => {
  const { receiver, daemon } = flow;
  const call = await newCall(`calls/${NAME}`);
  await flow.pbx.replay.play(call.recording, { pace: 'full' });
  await receiver.received(countOf([call]));
  expect(await daemon.stop('SIGTERM')).toBe(0); // which sends what is left

  const { spans } = collector;
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  expect(spans.map(({ name }) => name).sort()).toEqual(['append', 'attempt', 'event'].flatMap((name) => Array.from({ length: countOf([call]) }, () => name)));
  for (const post of receiver.posts) {
    const attempt = attemptOf(post);
    const append = parentOf(attempt);
    const event = parentOf(append);
    expect([attempt.name, append.name, event.name, event.parentId]).toEqual(['attempt', 'append', 'event', '']);
    const [state, id] = [post.headers['x-hookswitch-event'], post.headers['webhook-id']];
    expect(event.attributes).toMatchObject({ 'hookswitch.switch': 'switch', 'hookswitch.domain': 'a.example.test', 'hookswitch.state': state, 'hookswitch.call.id': (JSON.parse(post.body) as { call_id: string }).call_id, 'hookswitch.deliveries': 1 });
    expect(append.attributes).toMatchObject({ 'hookswitch.delivery.id': id, 'hookswitch.state': state, 'hookswitch.append.outcome': 'leased' });
    expect(attempt.attributes).toMatchObject({ 'hookswitch.delivery.id': id, 'hookswitch.attempt': 1, 'hookswitch.outcome': 'delivered', 'http.response.status_code': 200, 'server.address': '127.0.0.1', 'server.port': receiver.port });
    expect(attempt.moments.at(-1)!.name).toBe('first_byte');
    expect([event.startNs === append.startNs, event.endNs <= append.endNs, append.startNs <= attempt.startNs, attempt.startNs <= attempt.moments[0]!.atNs, attempt.moments.at(-1)!.atNs <= attempt.endNs]).toEqual([true, true, true, true, true]);
  }
  const names = spans.map(({ attributes }) => attributes['hookswitch.event.name']);
  expect(names).toEqual(expect.arrayContaining(['CHANNEL_ANSWER', 'CHANNEL_HANGUP_COMPLETE']));
});

it('the collector learns whose they are, is shown the key, and told neither numbers, nor bodies, nor paths', () => {
  const { requests, spans, texts } = collector;
  expect(requests.map(({ path, headers }) => [path, headers.authorization])).toEqual(requests.map(() => ['/v1/traces', KEY]));
  expect(spans[0]!.resource).toMatchObject({ 'service.name': 'hookswitch', 'service.instance.id': 'flow' });
  const bodies = flow.receiver.posts.map(({ body }) => JSON.parse(body) as { from_number: string; hotline: string });
  for (const secret of [...bodies.flatMap(({ from_number, hotline }) => [from_number, hotline]), '/hook', 'sip_call_id', KEY]) expect(texts.join('')).not.toContain(secret);
  expect(JSON.stringify(flow.daemon.lines)).not.toContain('c2VjcmV0');
});

it('what another process tries again is another attempt in the same trace, at the same place', async () => {
  const { receiver } = flow;
  const before = receiver.posts.length;
  await flow.restart({ HOOKSWITCH_RETRY_MS: '600000' });
  const call = await newCall(`calls/${NAME}`);
  const refused = (post: Post) => post.headers['x-hookswitch-event'] === 'cdr';
  receiver.otherwise((post) => (refused(post) ? 503 : 200));
  await flow.pbx.replay.play(call.recording, { pace: 'full' });
  await receiver.received(before + countOf([call]));
  const first = receiver.posts.find((post, index) => index >= before && refused(post))!;
  await collector.until(() => attempts().some(({ error }) => error !== undefined));
  await flow.daemon.stop('SIGTERM'); // what was taken is recorded, so that only the refused one comes again

  receiver.otherwise(200);
  await flow.database.pool.query(`update delivery set due_at = now() where state = 'pending'`); // ten minutes later
  await flow.restart({ HOOKSWITCH_NAME: 'other' });
  await receiver.received(before + countOf([call]) + 1);
  const second = receiver.posts.at(-1)!;
  await collector.until(() => attemptOf(second) !== undefined);
  const [failed, repeated] = [attemptOf(first), attemptOf(second)];
  expect([repeated.traceId, repeated.parentId, parentOf(repeated).name]).toEqual([failed.traceId, failed.parentId, 'append']);
  expect(failed).toMatchObject({ error: 'status 503', attributes: { 'hookswitch.attempt': 1, 'hookswitch.outcome': 'retry', 'error.type': '503', 'http.response.status_code': 503 } });
  expect(repeated).toMatchObject({ error: undefined, attributes: { 'hookswitch.attempt': 2, 'hookswitch.outcome': 'delivered', 'http.request.resend_count': 1 }, resource: { 'service.instance.id': 'other' } });
  await flow.daemon.stop('SIGKILL');
});

it('a collector that is away costs no webhook; it is said once, and once that it is back, with what it has missed', async () => {
  const { receiver } = flow;
  const before = receiver.posts.length;
  await collector.close();
  await flow.restart();
  const { daemon } = flow;
  const call = await newCall(`calls/${NAME}`);
  await flow.pbx.replay.play(call.recording, { pace: 'full' });
  await receiver.received(before + countOf([call]));
  expect(await daemon.said('the trace collector cannot be reached')).toMatchObject({ level: 'warn', reason: 'ECONNREFUSED' });
  collector = await startCollector({ port: collector.port });
  await daemon.said('the trace collector takes traces again');
  expect(collector.spans).toHaveLength(3 * countOf([call]));
  expect(daemon.lines.filter(({ message }) => message.startsWith('the trace collector')).map(({ level }) => level)).toEqual(['warn', 'info']);
  await daemon.stop('SIGKILL');
});

it('a daemon that must end at once does so, whatever its collector does', async () => {
  const { receiver } = flow;
  const [before, asked] = [receiver.posts.length, collector.requests.length];
  collector.answer(503);
  await flow.restart({ HOOKSWITCH_DRAIN_MS: '1' });
  const call = await newCall(`calls/${NAME}`);
  await flow.pbx.replay.play(call.recording, { pace: 'full' });
  await receiver.received(before + countOf([call]));
  await collector.until(() => collector.requests.length > asked); // which the exporter is about to repeat
  expect(await flow.daemon.stop('SIGTERM')).toBe(0);
  collector.answer(200);
});

it('a share of none sends a name for each attempt that asks nobody to record it, and records nothing', async () => {
  const { receiver } = flow;
  const [before, known] = [receiver.posts.length, collector.requests.length];
  await flow.restart({ HOOKSWITCH_TRACING_SHARE: '0' });
  const call = await newCall(`calls/${NAME}`);
  await flow.pbx.replay.play(call.recording, { pace: 'full' });
  await receiver.received(before + countOf([call]));
  expect(await flow.daemon.stop('SIGTERM')).toBe(0);
  for (const { headers } of receiver.posts.slice(before)) expect(headers['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  expect(collector.requests).toHaveLength(known);
});

describe('without a collector', () => {
  it('no webhook names a trace', async () => {
    const { receiver } = flow;
    const before = receiver.posts.length;
    await flow.restart({ HOOKSWITCH_TRACING_URL: '', HOOKSWITCH_TRACING_HEADERS: '' });
    const call = await newCall(`calls/${NAME}`);
    await flow.pbx.replay.play(call.recording, { pace: 'full' });
    await receiver.received(before + countOf([call]));
    expect(receiver.posts.slice(before).filter(({ headers }) => 'traceparent' in headers)).toEqual([]);
  });

  it('a daemon has nothing of OpenTelemetry in memory but its interface, which prom-client brings along', async () => {
    const script = `await import('./dist/main.js');
      const { cache } = (await import('node:module')).createRequire(process.cwd() + '/');
      console.log(JSON.stringify([...new Set(Object.keys(cache).map((path) => path.split('@opentelemetry/')[1]?.split('/')[0]).filter(Boolean))]));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
    expect(JSON.parse(stdout)).toEqual(['api']);
  });
});

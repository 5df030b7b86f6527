import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { revokeToken } from '../../src/db/tokens.js';
import { ServerEventReader, type ServerEvent } from '../../src/cli/server-events.js';
import type { LineKind, LiveLine } from '../../src/http/live-line.js';
import { manualClock } from '../esl/manual-clock.js';
import { startApi, type Api, type ApiOptions } from './support.js';

let api: Api;
const start = async (options: ApiOptions = {}) => { api = await startApi(options); return api; };
afterEach(() => api.stop());

/** One listener. `next` resolves with events in their order, `ended` when the stream is over. */
async function listen(token: string, query = '') {
  const asked = request({ host: '127.0.0.1', port: api.port, path: `/v1/stream${query}`, agent: false, headers: { authorization: `Bearer ${token}` } }).end();
  const [response] = await once(asked, 'response') as [IncomingMessage];
  const reader = new ServerEventReader();
  const seen: ServerEvent[] = [];
  const waiting: (() => void)[] = [];
  let taken = 0;
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => { text += chunk; seen.push(...reader.push(chunk)); for (const wake of waiting.splice(0)) wake(); });
  const ended = once(response, 'end');
  ended.catch(() => {});
  if (response.statusCode === 200) await until(() => text.includes('\n\n'));
  async function until(holds: () => boolean): Promise<void> { while (!holds()) await new Promise<void>((resolve) => { waiting.push(resolve); }); }
  return {
    response, ended, text: () => text, until,
    next: async () => { const index = taken++; await until(() => seen.length > index); return { event: seen[index]!.event, ...JSON.parse(seen[index]!.data) as object }; },
    leave: () => { asked.destroy(); },
  };
}

const line = (kind: LineKind, more: Partial<LiveLine> = {}): LiveLine => ({ kind, domainId: undefined, domain: '', ids: [], numbers: [], data: { kind }, ...more });

it('tells an admin everything, and a tenant its own notices and deliveries alone', async () => {
  const { broadcast } = await start();
  const [a, b] = [await api.addTenant('a.example'), await api.addTenant('b.example')];
  const [admin, tenant] = [await listen((await api.addToken(null)).token), await listen(a.token)];
  expect(tenant.response.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
  broadcast.tell(line('event'));
  broadcast.tell(line('event', { domainId: a.domainId, data: { n: 0 } }));
  broadcast.tell(line('notice', { domainId: b.domainId, data: { n: 1 } }));
  broadcast.tell(line('notice', { domainId: undefined, domain: 'a.example', data: { n: 2 } }));
  broadcast.tell(line('notice', { domainId: a.domainId, data: { n: 3 } }));
  broadcast.tell(line('delivery', { domainId: a.domainId, data: { n: 4 } }));
  expect([await tenant.next(), await tenant.next()]).toEqual([{ event: 'notice', n: 3 }, { event: 'delivery', n: 4 }]);
  const all = [];
  for (let count = 0; count < 6; count += 1) all.push((await admin.next()).event);
  expect(all).toEqual(['event', 'event', 'notice', 'notice', 'notice', 'delivery']);
});

it('costs nothing while nobody listens: lines are not even made', async () => {
  const { broadcast } = await start();
  expect(broadcast.isHeard()).toBe(false);
  const listener = await listen((await api.addToken(null)).token);
  expect(broadcast.isHeard()).toBe(true);
  const gone = new Promise<void>((resolve) => { api.server.stop(new AbortController().signal).then(resolve, resolve); });
  await listener.ended; // the server's stop ends it in good order
  await gone;
  expect(broadcast.isHeard()).toBe(false);
});

it('filters as it is asked', async () => {
  const { broadcast } = await start();
  const listener = await listen((await api.addToken(null)).token, '?kind=notice,delivery&domain=A.example&number=1001');
  broadcast.tell(line('notice', { domain: 'b.example', numbers: ['1001'], data: { n: 1 } }));
  broadcast.tell(line('event', { domain: 'a.example', numbers: ['1001'], data: { n: 2 } }));
  broadcast.tell(line('notice', { domain: 'a.example', numbers: ['1001'], data: { n: 3 } }));
  expect(await listener.next()).toEqual({ event: 'notice', n: 3 });
});

it.each([['?kind=evnt', 'kind must be a list of event, notice, delivery.'], ['?kind=event', 'for an admin'], ['?call=1&call=2', 'once each']])('refuses %s of a tenant', async (query, detail) => {
  await start();
  const answer = await api.ask('GET', `/v1/stream${query}`, { token: (await api.addTenant('a.example')).token });
  expect([answer.status, (answer.json as { detail: string }).detail]).toEqual([400, expect.stringContaining(detail)]);
});

it('is for those with a token', async () => {
  await start();
  expect((await api.ask('GET', '/v1/stream')).status).toBe(401);
});

it('loses lines for a listener that does not read, and tells it how many', async () => {
  const { broadcast } = await start();
  const listener = await listen((await api.addToken(null)).token);
  const big = 'x'.repeat(1_000);
  listener.response.pause();
  let told = 0;
  const dropped = async () => Number(/stream_lines_dropped_total (\d+)/.exec((await api.ask('GET', '/metrics')).text)?.[1] ?? 0);
  while (await dropped() === 0) for (let count = 0; count < 1_000; count += 1) broadcast.tell(line('notice', { data: { n: told++, big } }));
  const lost = await dropped();
  listener.response.resume();
  await listener.until(() => listener.text().includes('event: dropped'));
  const told2 = (listener.text().match(/event: notice/g) ?? []).length;
  expect(listener.text()).toContain(`event: dropped\ndata: {"lines":${lost}}\n`);
  expect(told2 + lost).toBe(told);
  broadcast.tell(line('delivery', { data: { n: -1 } }));
  await listener.until(() => listener.text().includes('{"n":-1}'));
});

it('is not held up at its stop by a listener that does not read', async () => {
  const { broadcast, server } = await start();
  const listener = await listen((await api.addToken(null)).token);
  listener.response.pause();
  for (let count = 0; count < 5_000; count += 1) broadcast.tell(line('notice', { data: { big: 'x'.repeat(1_000) } }));
  await server.stop(new AbortController().signal);
});

it('takes no more listeners than it may, and gives one token a quarter', async () => {
  await start({ maxStreams: 5 });
  const [one, two, three] = [await api.addToken(null), await api.addToken(null), await api.addToken(null)];
  const first = await listen(one.token);
  await listen(one.token);
  expect((await listen(one.token)).response.statusCode).toBe(429);
  await listen(two.token);
  await listen(two.token);
  await listen(three.token);
  const { response } = await listen(three.token);
  expect([response.statusCode, response.headers['retry-after']]).toEqual([503, '15']);
  const [closed] = [...api.lines].filter(({ message }) => message === 'request' ).slice(-1);
  expect(closed?.fields).toMatchObject({ status: 503 });
  first.leave();
  let again = await listen(three.token); // the server hears of its going a moment later
  while (again.response.statusCode === 503) again = await listen(three.token);
  expect(again.response.statusCode).toBe(200);
});

it('gives a sign of life, and ends when the token is revoked', async () => {
  const { clock, advance } = manualClock();
  await start({ clock });
  const { token, tokenId } = await api.addTenant('a.example');
  const listener = await listen(token);
  advance(15_000);
  await listener.until(() => /\n\n: \n\n$/.test(listener.text()));
  await revokeToken(api.database.pool, tokenId);
  advance(15_000);
  await listener.ended;
});

import { once } from 'node:events';
import { createConnection } from 'node:net';
import type { Readiness } from '../../src/http/health.js';
import { databaseAt } from '../support/server.js';
import { createPool } from '../../src/db/pool.js';
import { startApi, type Api, type ApiOptions } from './support.js';

const running: Api[] = [];
const start = async (options?: ApiOptions) => { const api = await startApi(options); running.push(api); return api; };
afterEach(async () => { for (const api of running.splice(0)) await api.stop(); });

const never = () => new AbortController().signal;

describe('health', () => {
  it('is ok as long as the process lives', async () => {
    const api = await start({ readiness: () => Promise.reject(new Error('all is lost')) });
    const answer = await api.ask('GET', '/healthz');
    expect([answer.status, answer.json, answer.headers['cache-control']]).toEqual([200, { status: 'ok' }, 'no-store']);
    expect((await api.ask('GET', '/readyz')).status).toBe(500);
  });

  it.each([[true, 200], [false, 503]])('says what is ready and what not: %s', async (ready, status) => {
    const readiness: Readiness = {
      ready, checks: { database: { ready }, switches: { ready: true, connected: 2 }, backlog: { ready: true, waiting: 17 }, buffer: { ready: true, buffered: 0 } },
    };
    const answer = await (await start({ readiness: () => Promise.resolve(readiness) })).ask('GET', '/readyz');
    expect([answer.status, answer.json]).toEqual([status, readiness]);
  });

  it('has its figures in the form of Prometheus, requests among them by route and never by id', async () => {
    const api = await start();
    await api.ask('DELETE', '/v1/event/00000000-0000-4000-8000-000000000000');
    const { status, headers, text } = await api.ask('GET', '/metrics');
    expect([status, headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    expect(text).toContain('hookswitch_http_requests_total{method="DELETE",route="/v1/event/:id",status="401"} 1');
  });
});

describe('a request', () => {
  it.each([['abc-123.X_y', 'abc-123.X_y'], ['', null], ['a'.repeat(65), null], ['with space', null], ['<script>', null], [undefined, null]])('with id %j is known by it if it is harmless', async (given, expected) => {
    const { headers } = await (await start()).ask('GET', '/healthz', given === undefined ? {} : { headers: { 'x-request-id': given } });
    expect(headers['x-request-id']).toMatch(expected ?? /^[0-9a-f-]{36}$/);
  });

  it('is answered for the asker alone', async () => {
    for (const path of ['/healthz', '/nowhere', '/v1/event']) {
      const { headers } = await (await start()).ask('GET', path);
      expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'content-security-policy': `default-src 'none'; frame-ancestors 'none'` });
      expect(headers).not.toHaveProperty('server');
    }
  });

  it('makes one line in the log, with its route and not its path', async () => {
    const api = await start();
    const { token, tokenId, domainId } = await api.addTenant('logged.example');
    await api.ask('DELETE', '/v1/event/none?secret=1', { token, headers: { 'x-request-id': 'r1' } });
    await api.ask('GET', '/healthz');
    await api.server.stop(never());
    const [deleted, health] = api.lines.filter(({ message }) => message === 'request');
    expect(deleted).toEqual({
      level: 'info', message: 'request',
      fields: { method: 'DELETE', route: '/v1/event/:id', status: 404, ms: expect.any(Number) as number, requestId: 'r1', remote: '127.0.0.1', tokenId, domain: domainId },
    });
    expect(health).toMatchObject({ level: 'debug', fields: { route: '/healthz' } });
  });

  it('believes nobody about where it comes from, unless told to', async () => {
    const headers = { 'x-forwarded-for': '9.9.9.9' };
    for (const [trustProxy, remote] of [[false, '127.0.0.1'], [true, '9.9.9.9']] as const) {
      const api = await start({ trustProxy });
      await api.ask('GET', '/nowhere', { headers });
      await api.server.stop(never());
      expect(api.lines.find(({ message }) => message === 'request')?.fields.remote).toBe(remote);
    }
  });
});

describe('without a database', () => {
  it('answers 503 and when to try again, and 200 once it is back', async () => {
    const api = await start();
    const { token } = await api.addTenant('patient.example');
    const name = new URL(api.database.url).pathname.slice(1);
    const admin = createPool({ url: databaseAt(api.database.url, 'postgres'), max: 1 }, { debug() {}, info() {}, warn() {}, error() {}, child() { return this; } });
    await admin.query(`alter database ${name} allow_connections false`);
    await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name]);
    for (const ask of [() => api.ask('GET', '/v1/event', { token }), () => api.post(token, { callback_url: 'https://example.com/', event: 'cdr' }), () => api.ask('DELETE', '/v1/event/x', { token })]) {
      const answer = await ask();
      expect([answer.status, answer.headers['retry-after'], answer.headers['content-type']]).toEqual([503, '5', 'application/problem+json']);
    }
    expect((await api.ask('GET', '/healthz')).status).toBe(200);
    await admin.query(`alter database ${name} allow_connections true`);
    await admin.end();
    expect((await api.ask('GET', '/v1/event', { token })).status).toBe(200);
  });

  it('does not wait for it longer than a client would', async () => {
    const api = await start({ handlerTimeoutMs: 100 });
    const { token } = await api.addTenant('locked.example');
    const locker = await api.database.pool.connect();
    await locker.query('begin');
    await locker.query('lock table api_token in access exclusive mode');
    const answer = await api.ask('GET', '/v1/event', { token });
    await locker.query('rollback');
    locker.release();
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '5']);
  });

  it('and with a defect of ours says 500, and not which', async () => {
    const api = await start();
    const { token } = await api.addTenant('unlucky.example');
    await api.database.pool.query('alter table event_domain rename to elsewhere');
    const answer = await api.ask('GET', '/v1/event', { token, headers: { 'x-request-id': 'r2' } });
    expect(answer.status).toBe(500);
    expect(answer.json).toEqual({ type: 'about:blank', title: 'Internal Server Error', status: 500, detail: 'Something went wrong here. It has been recorded under the request id.' });
    expect(api.lines.find(({ level }) => level === 'error')).toMatchObject({ message: 'request failed', fields: { requestId: 'r2', reason: expect.stringContaining('42P01') as string } });
  });
});

describe('the server', () => {
  it('answers what is in hand before it stops, and may be stopped twice', async () => {
    const api = await start();
    const { token } = await api.addTenant('leaving.example');
    const locker = await api.database.pool.connect();
    await locker.query('begin');
    await locker.query('lock table event_domain in access exclusive mode');
    const answer = api.ask('GET', '/v1/event', { token });
    await untilBlocked(api);
    const stopped = api.server.stop(never());
    await locker.query('rollback');
    locker.release();
    expect((await answer).status).toBe(200);
    await stopped;
    await api.server.stop(never());
    await expect(api.ask('GET', '/healthz')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('drops what is in hand when it has to hurry', async () => {
    const api = await start();
    const { token } = await api.addTenant('hurried.example');
    const locker = await api.database.pool.connect();
    await locker.query('begin');
    await locker.query('lock table event_domain in access exclusive mode');
    const answer = api.ask('GET', '/v1/event', { token }).catch((error: NodeJS.ErrnoException) => error.code);
    await untilBlocked(api);
    const hurry = new AbortController();
    const stopped = api.server.stop(hurry.signal);
    hurry.abort();
    await stopped;
    expect(await answer).toBe('ECONNRESET');
    await locker.query('rollback');
    locker.release();
  });

  it('does not start where another listens, and can be stopped all the same', async () => {
    const { port } = await start();
    await expect(startApi({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('ends a request that does not arrive in time', async () => {
    const api = await start({ requestTimeoutMs: 100 });
    expect(await api.raw('GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ')).toMatch(/^HTTP\/1\.1 408 /);
    expect(await api.raw('POST /v1/event HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{')).toMatch(/^HTTP\/1\.1 40[18] /);
  });

  it('takes no more connections than it can keep', async () => {
    const api = await start({ maxConnections: 1 });
    const first = createConnection(api.port, '127.0.0.1');
    await once(first, 'connect');
    const second = createConnection(api.port, '127.0.0.1');
    await once(second.resume(), 'close');
    first.destroy();
  });
});

/** Until the API's statement waits for our lock; each turn is a round trip to the database and not a wait. */
async function untilBlocked({ database }: Api): Promise<void> {
  for (let waiting = 0; waiting === 0;) {
    const { rows } = await database.pool.query<{ waiting: number }>(
      `select count(*)::int as waiting from pg_locks where not granted and database = (select oid from pg_database where datname = current_database())`);
    waiting = rows[0]!.waiting;
  }
}

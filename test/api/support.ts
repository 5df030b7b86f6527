import { once } from 'node:events';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { createConnection } from 'node:net';
import { createBroadcast } from '../../src/broadcast.js';
import { systemClock, type Clock } from '../../src/clock.js';
import { addDomain } from '../../src/db/tenants.js';
import { insertToken } from '../../src/db/tokens.js';
import type { Breaker } from '../../src/http/admin-receivers.js';
import { createAdminStore } from '../../src/http/admin-store.js';
import type { Readiness } from '../../src/http/health.js';
import { createHistoryStore } from '../../src/http/history-store.js';
import { openJwt, type JwtOptions } from '../../src/http/jwt.js';
import type { LiveLine } from '../../src/http/live-line.js';
import { createHttpServer, type HttpDeps, type HttpOptions } from '../../src/http/server.js';
import { createApiStore } from '../../src/http/store.js';
import { hashToken, newToken } from '../../src/http/token.js';
import type { LogFields, Logger } from '../../src/log.js';
import { createMetrics, type Metrics } from '../../src/metrics.js';
import { Onlooker } from '../../src/overview/onlooker.js';
import { createOverview } from '../../src/overview/overview.js';
import { createVault, type Vault } from '../../src/seal.js';
import { createAddressPolicy } from '../../src/webhook/address.js';
import type { Resolve } from '../../src/webhook/lookup.js';
import { promiseTo } from '../delivery/promise.js';
import { createDatabase } from '../support/postgres.js';

export interface Answer { status: number; headers: IncomingHttpHeaders; text: string; json: unknown }
export interface Ask { token?: string; headers?: Record<string, string>; body?: string | Buffer }
export interface LogLine { level: string; message: string; fields: LogFields }

export interface ApiOptions extends Partial<HttpOptions> { clock?: Clock; resolve?: Resolve; allow?: string[]; vault?: Vault; readiness?: () => Promise<Readiness>; jwt?: Partial<JwtOptions>; breakers?: Breaker[]; lookMs?: number; recordings?: HttpDeps['recordings'] }

const ready: Readiness = { ready: true, checks: { database: { ready: true }, switches: { ready: true }, backlog: { ready: true }, buffer: { ready: true } } };

const NO_JWT: JwtOptions = {
  secret: '', jwksFile: '', jwksUrl: '', issuer: '', audience: '', domainClaim: 'domain_uuid', adminClaim: '', adminValue: '', clockToleranceSeconds: 0,
};

/** The whole API on a port of its own, over a database of its own. */
export async function startApi({ clock = systemClock, resolve = publicName, allow = [], vault = createVault([]), readiness = () => Promise.resolve(ready), jwt = {}, breakers = [], lookMs = 5_000, recordings, ...options }: ApiOptions = {}) {
  const database = await createDatabase();
  const lines: LogLine[] = [];
  const log = recordingLog(lines);
  const broadcast = createBroadcast<LiveLine>();
  const metrics = createMetrics();
  const server = createHttpServer({ host: '127.0.0.1', port: 0, ...options }, {
    store: createApiStore(database.pool, vault), admin: createAdminStore(database.pool), history: createHistoryStore(database.pool, { lookMs }), breakers: () => breakers, overview: overviewOf(metrics, clock), timeZone: 'UTC', version: '0.0.0', jwt: await openJwt({ ...NO_JWT, ...jwt }, { clock, log }), clock, log, metrics,
    policy: createAddressPolicy({ allow }), resolve, readiness, knownEvents: ['ringing', 'answered', 'hangup', 'cdr'], recordings, broadcast,
  });
  const stop = async () => {
    await server.stop(AbortSignal.abort());
    await database.drop();
  };
  await server.start().catch(async (error: unknown) => { await stop(); throw error; });
  const { port } = server.address()!;

  async function addToken(domainId: string | null, expiresAt: Date | null = null): Promise<{ token: string; tokenId: string }> {
    const token = newToken();
    return { token, tokenId: await insertToken(database.pool, { sha256: hashToken(token), label: 'test', domainId, expiresAt }) };
  }
  return {
    server, port, lines, database, broadcast, stop,
    ask: (method: string, path: string, ask: Ask = {}) => send(port, method, path, ask),
    post: (token: string, body: unknown) => send(port, 'POST', '/v1/event', { token, headers: JSON_TYPE, body: JSON.stringify(body) }),
    raw: (text: string) => sendRaw(port, text),
    addToken,
    async addTenant(name: string) {
      const { domain } = await addDomain(database.pool, name);
      return { domainId: domain.id, ...await addToken(domain.id) };
    },
  };
}

/** Of a daemon with one switch, one call that is up, one URL in trouble, and one attempt that failed. */
function overviewOf(metrics: Metrics, clock: Clock): () => Promise<object> {
  const onlooker = new Onlooker(clock, () => 'seen.example');
  onlooker.onUp('office');
  onlooker.event({ switchName: 'office', name: 'HEARTBEAT', timestampUs: clock.now().getTime() * 1_000 });
  onlooker.attempt({ ...promiseTo('https://example.com/hook?key=secret', 'flow', 1), urlKey: '7', day: '2026-01-01', sequence: 1, attempt: 1, attemptsBefore: 0, alone: false, synthetic: null, replayed: false, expiresAtMs: null }, { kind: 'retry', status: 500, reason: 'status 500' }, 12);
  return createOverview({
    onlooker, clock, metrics, switches: ['office', 'away'], backlog: () => Promise.resolve({ waiting: 3, oldest: clock.now() }),
    flowsOf: (name) => ({ open: name === 'office' ? 1 : 0, flows: name === 'office' ? [{ flowId: 'f', domain: 'seen.example', from: '1', to: '2', reached: ['3'], sinceUs: 1_000_000, answeredUs: null }] : [] }),
    health: () => [{ urlKey: '7', state: 'open', failures: 3, nextProbeMs: 10.4, lastFailure: 'status 500' }, { urlKey: '8', state: 'closed', failures: 0, nextProbeMs: null, lastFailure: null }],
  });
}

export type Api = Awaited<ReturnType<typeof startApi>>;

export const JSON_TYPE = { 'content-type': 'application/json' };

/** Every name is somewhere public. */
export const publicName: Resolve = () => Promise.resolve([{ address: '8.8.8.8', family: 4 }]);

async function send(port: number, method: string, path: string, { token, headers = {}, body }: Ask): Promise<Answer> {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const request = httpRequest({ host: '127.0.0.1', port, method, path, agent: false, headers: { ...length, ...authorization, ...headers } });
  request.end(body);
  const [response] = await once(request, 'response') as [import('node:http').IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  const json: unknown = /json/.test(response.headers['content-type'] ?? '') && text !== '' ? JSON.parse(text) : undefined;
  return { status: response.statusCode!, headers: response.headers, text, json };
}

/** Bytes as they are, and what comes back until the server ends the connection. */
async function sendRaw(port: number, text: string): Promise<string> {
  const socket = createConnection(port, '127.0.0.1');
  socket.write(text);
  let answer = '';
  for await (const chunk of socket.setEncoding('latin1')) answer += chunk;
  return answer;
}

function recordingLog(lines: LogLine[], bound: LogFields = {}): Logger {
  const at = (level: string) => (message: string, fields: LogFields = {}) => { lines.push({ level, message, fields: { ...bound, ...fields } }); };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: (fields) => recordingLog(lines, { ...bound, ...fields }) };
}

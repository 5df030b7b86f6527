import { STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Clock } from '../clock.js';
import type { Service } from '../lifecycle.js';
import type { Logger } from '../log.js';
import { LONGEST_TOKEN } from '../recordings/link.js';
import type { Recordings } from '../recordings/recordings.js';
import { registerAdmin, type AdminDeps } from './admin.js';
import { requireCaller, type AuthDeps } from './auth.js';
import { registerDashboard, type Dashboard } from './dashboard.js';
import { registerDeliveries } from './deliveries.js';
import { registerDocumentation, type DocumentationDeps } from './documentation.js';
import { registerEvents, type EventDeps } from './events.js';
import { problemOf } from './failure.js';
import { registerHealth, type HealthDeps } from './health.js';
import type { HistoryStore } from './history-store.js';
import { answerUnrouted } from './methods.js';
import { registerRecordings } from './recordings.js';
import { PROBLEM_TYPE, problemBody, sendProblem } from './problem.js';
import { createRateLimit } from './rate.js';
import { registerReplays } from './replays.js';
import { recordRequest, requestId } from './request-log.js';
import { registerSecrets } from './secrets.js';
import { registerStream, type StreamDeps } from './stream.js';
import { registerSubscription } from './subscription.js';
import { registerTestCalls, type TestCallDeps } from './test-calls.js';

export interface HttpOptions {
  host: string;
  /** 0 for any free one. */
  port: number;
  /** Per token; a burst of one minute's worth is let through. */
  requestsPerMinute?: number;
  /** Failed authentications per remote address. */
  failuresPerMinute?: number;
  bodyLimitBytes?: number;
  /** Whether `X-Forwarded-For` is believed: only behind a proxy that sets it. */
  trustProxy?: boolean;
  maxConnections?: number;
  /** How long a request may take to arrive, its headers and its body. */
  requestTimeoutMs?: number;
  /** How long a request may wait for the database before it is answered with 503. */
  handlerTimeoutMs?: number;
  /** Listeners of the live stream at once. */
  maxStreams?: number;
}

export interface HttpDeps extends EventDeps, HealthDeps, Pick<AdminDeps, 'admin' | 'breakers' | 'overview'>, Pick<AuthDeps, 'jwt'>, Pick<TestCallDeps, 'timeZone'>, DocumentationDeps {
  history: HistoryStore;
  log: Logger;
  clock: Clock;
  broadcast: StreamDeps['broadcast'];
  /** The page at `/`; without it there is none. */
  dashboard?: Dashboard | undefined;
  /** Only where the daemon serves them. */
  recordings?: Pick<Recordings, 'open'> | undefined;
}

/** A path that is answered, with `:name` for what varies in it. */
export interface Route { method: string; path: string }

/** The REST API and the daemon's health, over HTTP. */
export interface HttpServer extends Service {
  /** Where it listens; undefined unless started. */
  address(): { host: string; port: number } | undefined;
  /** All that is answered, once started. */
  routes(): readonly Route[];
}

/** See `HttpServer`. Opens its port in `start`; `stop` answers the requests in hand, and drops them when `hurry` aborts. */
export function createHttpServer(options: HttpOptions, deps: HttpDeps): HttpServer {
  const routes: Route[] = [];
  const app = build(options, deps, routes);
  let stopped: Promise<void> | undefined;
  return {
    name: 'http',
    async start() {
      await app.listen({ host: options.host, port: options.port });
      deps.log.info('http listening', { host: options.host, port: (app.server.address() as AddressInfo).port });
    },
    async stop(hurry) {
      const drop = () => app.server.closeAllConnections();
      hurry.addEventListener('abort', drop, { once: true });
      if (hurry.aborted) drop();
      stopped ??= app.close();
      await stopped;
      hurry.removeEventListener('abort', drop);
    },
    routes: () => routes,
    address() {
      const address = app.server.address();
      return typeof address === 'string' || address === null ? undefined : { host: address.address, port: address.port };
    },
  };
}

function build(options: HttpOptions, deps: HttpDeps, routes: Route[]): FastifyInstance {
  const { requestsPerMinute = 600, failuresPerMinute = 60, bodyLimitBytes = 65_536, trustProxy = false } = options;
  const app = fastify({
    ...timeouts(options), bodyLimit: bodyLimitBytes, trustProxy, return503OnClosing: false, routerOptions: { ignoreTrailingSlash: true, maxParamLength: LONGEST_TOKEN },
    genReqId: (request) => requestId(request),
    frameworkErrors: (error, request, reply) => { void sendProblem(identify(request, reply), problemOf(error).problem); }, // no hook has run
    clientErrorHandler: refuseGarbage,
  });
  app.server.maxConnections = options.maxConnections ?? 1_024;
  app.removeContentTypeParser('text/plain');
  app.decorateRequest('caller', null);
  app.addHook('onRequest', (request, reply, next) => { identify(request, reply); next(); });
  app.addHook('onResponse', recordRequest(deps.log, deps.metrics));
  app.setErrorHandler(failureHandler(deps.log));
  app.addHook('onRoute', ({ method, url: path }) => { routes.push(...[method].flat().map((name) => ({ method: name, path }))); });
  answerUnrouted(app);
  registerHealth(app, deps);
  registerDocumentation(app, deps);
  if (deps.dashboard) registerDashboard(app, deps.dashboard);
  if (deps.recordings) registerRecordings(app, deps.recordings, deps.metrics);
  app.register((scope, _options, done) => {
    scope.addHook('onRequest', requireCaller({
      store: deps.store, jwt: deps.jwt, perToken: createRateLimit(requestsPerMinute, deps.clock), failures: createRateLimit(failuresPerMinute, deps.clock),
    }));
    registerEvents(scope, deps);
    registerSubscription(scope, deps);
    registerTestCalls(scope, deps);
    registerDeliveries(scope, deps);
    registerReplays(scope, deps);
    registerSecrets(scope, deps.store);
    registerAdmin(scope, deps);
    registerStream(scope, deps, { maxStreams: options.maxStreams ?? 32 });
    done();
  });
  return app;
}

/** How long a client may take for each step; a request that waits for the database is answered with 503 before the client gives up. */
function timeouts({ requestTimeoutMs = 10_000, handlerTimeoutMs = 8_000 }: HttpOptions) {
  return {
    requestTimeout: requestTimeoutMs, keepAliveTimeout: 65_000, handlerTimeout: handlerTimeoutMs,
    connectionTimeout: 120_000, // a client that stops reading its answer
    // Node looks for late requests only every 30 s unless told otherwise.
    http: { headersTimeout: requestTimeoutMs, connectionsCheckingInterval: Math.min(1_000, requestTimeoutMs) },
  };
}

/** Nothing answered here is for a cache, a frame or a script; a page of ours that needs more says so itself. */
const SAFE_HEADERS = {
  'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer',
  'content-security-policy': `default-src 'none'; frame-ancestors 'none'`,
};

function identify(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply.headers({ ...SAFE_HEADERS, 'x-request-id': request.id });
}

/** What is not HTTP, or too slow or too large to be, never becomes a request; it is answered here and the connection ends. */
function refuseGarbage(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const body = problemBody({ status, detail: 'This is not a complete HTTP request.' });
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, `content-type: ${PROBLEM_TYPE}`, `content-length: ${Buffer.byteLength(body)}`, 'connection: close'];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => { socket.destroy(); });
}

function failureHandler(log: Logger): (error: unknown, request: FastifyRequest, reply: FastifyReply) => void {
  return (error, request, reply) => {
    const { problem, ours } = problemOf(error);
    if (problem.status >= 500) log[ours ? 'error' : 'warn']('request failed', { requestId: request.id, reason: describe(error) });
    void sendProblem(reply, problem);
  };
}

/** An error in its own words, and what caused it. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const cause = error.cause === undefined ? '' : `: ${describe(error.cause)}`;
  return `${(error as NodeJS.ErrnoException).code ?? error.name} ${error.message}${cause}`;
}

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createBroadcast } from './broadcast.js';
import { callRules } from './call-rules.js';
import type { SwitchEvent } from './calls/event.js';
import { headersRead } from './calls/headers.js';
import { NOTICE_STATES } from './calls/notice.js';
import { aborted, systemClock, type Clock } from './clock.js';
import type { Config } from './config.js';
import { createDirectoryFeed } from './db/directory-feed.js';
import { openDatabase } from './db/open.js';
import { createPool } from './db/pool.js';
import { createSealing } from './db/sealing.js';
import { createDeliveries, DEFAULT_DELIVERIES } from './delivery/deliveries.js';
import { createOperatorWebhook, type OperatorWebhook } from './delivery/operator-webhook.js';
import { createReplays } from './delivery/replays.js';
import { createRetention } from './delivery/retention.js';
import { createSpill } from './delivery/spill.js';
import { Standing } from './delivery/standing.js';
import { createConnectionThread } from './esl/connection-thread.js';
import { openSurvey } from './esl/survey.js';
import { SwitchLink } from './esl/switch-link.js';
import { createAdminStore } from './http/admin-store.js';
import { createHistoryStore } from './http/history-store.js';
import { openJwt } from './http/jwt.js';
import type { LiveLine } from './http/live-line.js';
import { readDashboard } from './http/dashboard.js';
import { createHttpServer, type HttpServer } from './http/server.js';
import { createApiStore } from './http/store.js';
import { parseSubscription } from './http/subscription-request.js';
import { createWatch, SHOWN_HEADERS } from './http/watch.js';
import { createIngest, type Ingest } from './ingest/ingest.js';
import { createMemory, type Memory } from './ingest/memory.js';
import { Reconciler } from './ingest/reconciler.js';
import { openRecordings, type Recordings } from './recordings/recordings.js';
import { readinessOf } from './readiness.js';
import { startAll, stopAll, type Service } from './lifecycle.js';
import type { Logger } from './log.js';
import { createMemorySaver } from './memory-saver.js';
import { createMetrics } from './metrics.js';
import { lookOn } from './overview/look-on.js';
import { vaultOf } from './seal.js';
import { createFusionPbx } from './sources/fusionpbx.js';
import type { Check } from './sources/plan.js';
import { createDirectory, type Directory } from './subscriptions/directory.js';
import { openTracing } from './tracing/tracing.js';
import { createAddressPolicy, type AddressPolicy } from './webhook/address.js';
import { readCertificates, trusting } from './webhook/certificates.js';
import { createConfiguredPolicy } from './webhook/destinations.js';
import { createResolver } from './webhook/lookup.js';
import { createWatchdog } from './watchdog.js';
import { createSender, type Sender } from './webhook/send.js';
import { sign, SigningKey } from './webhook/sign.js';

interface Surroundings { log: Logger; clock: Clock; random: () => number; stopping: AbortSignal }

/** A daemon that is up: its parts in the order in which they started. */
export interface Daemon {
  /** Where the REST API listens. */
  readonly api: { host: string; port: number };
  /** Stops the parts in reverse, each finishing what it has in hand until `hurry` aborts. */
  stop(hurry: AbortSignal): Promise<void>;
}

/**
 * Builds every part, starts them in order and leaves them running. Rejects, with everything stopped again, when one does not start; waits for the database
 * until `stopping` aborts.
 * The only place that knows them all.
 */
export async function startDaemon(config: Config, log: Logger, stopping: AbortSignal): Promise<Daemon> {
  const clock = systemClock;
  const { random } = Math;
  const metrics = createMetrics();
  const recordings = await recordingsOf(config, clock, log);
  const jwt = await openJwt(config.jwt, { clock, log });
  const certificates = config.webhook.caFile === '' ? [] : readCertificates(config.webhook.caFile); // before anything is started
  const tracing = await openTracing({ ...config.tracing, daemon: config.name, version: VERSION, secureContext: certificates.length === 0 ? undefined : trusting(certificates) }, { clock, random, log, metrics });
  const database = await openDatabase({ url: config.database.url, dataDir: config.dataDir }, { log, clock, random, stopping });
  const pool = createPool({ url: database.url, max: config.database.poolSize }, log);
  const resolve = createResolver(config.webhook.dnsServers);
  const policy = createConfiguredPolicy(config, database.url, { resolve: createResolver(), nowMs: () => clock.monotonicMs() });
  const sender = createSender({ ...senderOptions(config), policy, resolve, certificates, nowMs: () => clock.monotonicMs() });
  const vault = vaultOf(config.encryption.keys);
  const directory = createDirectory();
  const links: SwitchLink[] = [];
  const broadcast = createBroadcast<LiveLine>();
  const onlooker = lookOn({ watch: createWatch({ broadcast, directory, domainVariables: config.calls.variables.domain, clock, log }), directory, clock, metrics, db: pool, log });
  const { watch } = onlooker;

  const feed = createDirectoryFeed({ directory, db: pool, url: database.url, vault, clock, log, random });
  const toOperator = createSender({ policy: createAddressPolicy({ allow: EVERYWHERE }), timeoutMs: config.delivery.timeoutMs, maxSocketsPerOrigin: 1 });
  const operator = operatorWebhook(config, toOperator, { log, clock, random });
  const standing = new Standing({ db: pool, clock, log, metrics, random, tell: (event) => operator.tell(event) }, config.delivery);
  const deliveries = createDeliveries({
    pool, clock, log, metrics, random, send: (request, signal) => sender.send(request, signal), subscriptionOf: (id) => directory.byId(id),
    policy: { waitsMs: config.delivery.retryMs, jitter: config.delivery.jitter, random },
    headers: { userAgent: `hookswitch/${VERSION}`, keyHeader: config.delivery.keyHeader, keyScheme: config.delivery.keyScheme },
    spill: createSpill(join(config.dataDir, 'spill'), { clock, log, pid: process.pid }),
    observe: (delivery, verdict) => standing.observe(delivery, verdict), watch, trace: tracing?.trace,
    onRoom: (hasRoom) => { if (!hasRoom) for (const link of links) link.dropOverwhelmed(); },
  }, { ...DEFAULT_DELIVERIES, ...config.delivery, ...config.ingest, name: config.name, version: VERSION });
  const rules = callRules(config, recordings && ((recording) => recordings.linkTo(recording)));
  const ingest = createIngest({ rules, directory, add: (promised, flow) => deliveries.add(promised, flow), clock, log, metrics, watch, trace: tracing?.trace });
  const thread = createConnectionThread({ log });
  const reconcilers = new Map(config.switches.map((to) => [to.name, new Reconciler({
    switchName: to.name, ingest, clock, random, log, metrics, openSurvey: () => openSurvey({ ...to, switchName: to.name, clock, connect: thread.connect }),
    inherit: (coreId) => memory.inherit(to.name, coreId),
  })]));
  const memory: Memory = createMemory({ db: pool, owner: config.name, silentMs: config.delivery.leaseMs, ingest, reconcilers, committed: () => deliveries.flushed(), clock, log });
  for (const to of config.switches) {
    links.push(new SwitchLink(
      { ...to, ...config.esl, switchName: to.name, loginMs: config.esl.loginTimeoutMs, subclasses: config.esl.customSubclasses, headers: [...headersRead(rules), ...SHOWN_HEADERS] },
      { clock, random, log, metrics, connect: thread.connect, hasRoom: () => deliveries.hasRoom(), ...hooksOf(ingest, reconcilers.get(to.name)!, onlooker.link(to.name)) },
    ));
  }
  const readiness = () => readinessOf({ version: VERSION, config, pool, feed, links, deliveries, directory, metrics });
  const http = createHttpServer(
    { ...config.http },
    { store: createApiStore(pool, vault), admin: createAdminStore(pool), history: createHistoryStore(pool), breakers: () => deliveries.health(), overview: onlooker.overview({ switches: config.switches, callsOf: (name) => ingest.heardOf(name).calls, deliveries }), dashboard: readDashboard(DASHBOARD), timeZone: config.timeZone, version: VERSION, jwt, policy, resolve, knownEvents: NOTICE_STATES, readiness, metrics, log, clock, recordings, broadcast },
  );
  const fusionpbx = config.fusionpbx.url === '' ? [] : [createFusionPbx(config.fusionpbx, { pool, check: sourcedCheck(policy), vault, clock, log, metrics, random })];

  const services: Service[] = [
    ...(tracing === undefined ? [] : [tracing.service]),
    resource('database', async () => { await pool.end(); await database.stop(); }),
    resource('sender', () => { sender.close(); toOperator.close(); return Promise.resolve(); }),
    createSealing({ db: pool, vault, log }), feed, ...fusionpbx, operator, standing, deliveries, createRetention({ db: pool, clock, log, random }, config.retention), createReplays({ pool, clock, log, metrics, random }), memory, ingest, http, ...reconcilers.values(), resource('connection thread', () => thread.stop()), ...links, createMemorySaver(log), createWatchdog({ env: process.env, pid: process.pid, clock, log }),
  ];
  await startAll(services, new AbortController().signal);
  return { api: welcome({ http, directory, sourced: fusionpbx.length > 0, log }), stop: (hurry) => stopAll([...services].reverse(), hurry) };
}

/** Something that is there once it is built, and has to be let go of. */
const resource = (name: string, stop: () => Promise<void>): Service => ({ name, start: () => Promise.resolve(), stop });

function senderOptions({ webhook, delivery: { timeoutMs, maxResponseBytes, concurrency, slowConcurrency } }: Config) {
  return { ...webhook, timeoutMs, maxResponseBytes, maxSocketsPerOrigin: concurrency + slowConcurrency };
}

/** Where the build has put the page. */
const DASHBOARD = new URL('./dashboard/', import.meta.url);

/** The operator chose the address himself. */
const EVERYWHERE = ['0.0.0.0/0', '::/0'];

function operatorWebhook({ operator: { webhookUrl, webhookSecret } }: Config, sender: Sender, surroundings: Omit<Surroundings, 'stopping'>): OperatorWebhook {
  const key = SigningKey.of(webhookSecret);
  return createOperatorWebhook({
    ...surroundings, send: (request, signal) => sender.send(request, signal), newId: randomUUID,
    ...(key !== undefined && { sign: (message) => sign(message, [key]) }),
  }, { url: webhookUrl, userAgent: `hookswitch/${VERSION}` });
}

/** What a link tells, and whom. */
function hooksOf(ingest: Ingest, reconciler: Reconciler, onlooker: { onUp(): void; onDown(): void }) {
  return {
    onUp: () => { onlooker.onUp(); reconciler.onUp(); },
    onDown: () => { onlooker.onDown(); reconciler.onDown(); },
    onEvent: (event: SwitchEvent) => {
      if (event.name === 'HEARTBEAT') reconciler.onHeartbeat(event);
      ingest.onEvent(event);
    },
  };
}

/** What comes from elsewhere is judged as what comes through the API. */
function sourcedCheck(policy: AddressPolicy): Check {
  return ({ event, url, apiKey }) => {
    const parsed = parseSubscription({ event, callback_url: url, callback_apikey: apiKey }, policy, { asAdmin: false });
    if (parsed.kind === 'invalid') return { kind: 'refused', reason: parsed.errors.map(({ field, message }) => `${field === 'event' ? 'event_name' : field} ${message}`).join(' ') };
    return { kind: 'valid', event: parsed.request.event, url: parsed.request.url, apiKey: parsed.request.apiKey };
  };
}

/** Says where the API is; to a new installation also what comes next. */
function welcome({ http, directory, sourced, log }: { http: HttpServer; directory: Directory; sourced: boolean; log: Logger }): { host: string; port: number } {
  const api = http.address()!;
  const host = api.host.includes(':') ? `[${api.host}]` : api.host;
  log.info(`the API is at http://${host}:${api.port}/v1/event`);
  if (directory.size().domains === 0 && !sourced) {
    log.info('there is no tenant yet; to make one: npx hookswitch tenant add <domain of the tenant on the switch>');
    log.info('and a token for its API: npx hookswitch token create --domain <domain>');
  }
  return api;
}

/** Undefined where the daemon serves none. */
async function recordingsOf({ recordings, dataDir }: Config, clock: Clock, log: Logger): Promise<Recordings | undefined> {
  return recordings.directory === '' ? undefined : await openRecordings({ ...recordings, ttlMs: recordings.linkTtlMs, dataDir }, { clock, log });
}

/** One keystroke may come twice, from the terminal and through npm. */
const IMPATIENT_MS = 1_000;

/** Runs the daemon until SIGTERM or SIGINT, then drains it within `drainMs`; a second signal, not at once, drops what is in hand. */
export async function runDaemon(config: Config, log: Logger): Promise<void> {
  const stopping = new AbortController();
  const hurry = new AbortController();
  let askedMs = Infinity;
  const onSignal = () => {
    if (systemClock.monotonicMs() - askedMs > IMPATIENT_MS) hurry.abort();
    askedMs = Math.min(askedMs, systemClock.monotonicMs());
    stopping.abort();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  const daemon = await startDaemon(config, log, stopping.signal);
  await aborted(stopping.signal);
  log.info('stopping', { drainMs: config.drainMs });
  const deadline = setTimeout(() => hurry.abort(), config.drainMs);
  await daemon.stop(hurry.signal);
  clearTimeout(deadline);
  process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
  log.info('stopped');
}

/** Both src/ and dist/ lie one level below the package. */
const VERSION = (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version;


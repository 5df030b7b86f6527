import * as is from './kinds.js';
import type { Kind } from './kinds.js';
import * as net from './network-kinds.js';
import * as traces from './tracing-kinds.js';

/** One key of the configuration: what it may be, what it means, the environment variable that sets it. Its default is in config/default.json. */
export interface Key<T> {
  readonly kind: Kind<T>;
  readonly doc: string;
  readonly env?: string;
  /** Never shown, neither in a listing nor in an error. */
  readonly sensitive: boolean;
}

function key<T>(kind: Kind<T>, doc: string, env?: string): Key<T> {
  return { kind, doc, sensitive: false, ...(env !== undefined && { env }) };
}

function secret<T>(kind: Kind<T>, doc: string, env: string): Key<T> {
  return { kind, doc, env, sensitive: true };
}

/** Every key there is. */
export const schema = {
  name: key(is.wordOrNone, "This daemon's name among the daemons on one Postgres; after a crash the next daemon of that name takes its work over at once. Empty: the machine's host name.", 'HOOKSWITCH_NAME'),
  timeZone: key(is.timeZone, 'The time zone in which webhooks say their times.', 'HOOKSWITCH_TIME_ZONE'),
  dataDir: key(is.filled, 'The folder for what the daemon keeps on disk: the embedded Postgres, and in its folder spill what could not be committed before a stop, for the next start. A relative one starts at the working directory.', 'HOOKSWITCH_DATA_DIR'),
  drainMs: key(is.milliseconds(), 'How long a stopping daemon waits for the webhooks in flight, in milliseconds.', 'HOOKSWITCH_DRAIN_MS'),
  log: {
    level: key(is.oneOf('debug', 'info', 'warn', 'error'), 'The least weight of a line that is logged.', 'HOOKSWITCH_LOG_LEVEL'),
    format: key(is.oneOf('auto', 'json', 'text'), 'The form of the log: a JSON object a line, or text to read; auto is text on a terminal and JSON elsewhere.', 'HOOKSWITCH_LOG_FORMAT'),
  },
  database: {
    url: secret(is.databaseUrl, 'The Postgres to use, version 15 or later. Empty: an embedded one in dataDir.', 'DATABASE_URL'),
    poolSize: key(is.whole(2, 1_000, 'connections'), 'Connections to Postgres at most.'),
  },
  encryption: {
    keys: secret(is.encryptionKeys, "The keys that secrets and receivers' keys are sealed with in Postgres, 32 bytes each: the first seals, all of them open. Empty: they are stored as they are.", 'HOOKSWITCH_ENCRYPTION_KEYS'),
  },
  http: {
    host: key(is.word, 'The address on which the API, the metrics and the dashboard are served; 0.0.0.0 for every IPv4 address of the machine.', 'HOOKSWITCH_HTTP_HOST'),
    port: key(is.portOrAny, 'The port for them; 0 takes any free one and logs it.', 'HOOKSWITCH_HTTP_PORT'),
    requestsPerMinute: key(is.whole(1, 1_000_000, 'requests'), 'Requests to the API that one token may make in a minute.'),
    bodyLimitBytes: key(is.whole(1_024, 16_777_216, 'bytes'), 'The longest body of a request to the API, in bytes.'),
    maxStreams: key(is.whole(0, 10_000, 'listeners'), 'Listeners of the live stream at once, of which one token gets a quarter; 0: none.'),
  },
  jwt: {
    secret: secret(is.signingSecret, 'The secret of JWTs that are signed with HS256. Empty: none are taken.', 'HOOKSWITCH_JWT_SECRET'),
    jwksFile: key(is.anyText, 'A file with the public keys (a JWK set) of JWTs that are signed with RS256 or ES256; read at the start. Empty: none.', 'HOOKSWITCH_JWT_JWKS_FILE'),
    jwksUrl: key(is.keysUrl, 'Where to fetch such a set instead. Empty: nowhere.', 'HOOKSWITCH_JWT_JWKS_URL'),
    issuer: key(is.wordOrNone, 'The issuer (iss) that a JWT must name. Empty: any.', 'HOOKSWITCH_JWT_ISSUER'),
    audience: key(is.wordOrNone, 'The audience (aud) that a JWT must be meant for. Empty: any.', 'HOOKSWITCH_JWT_AUDIENCE'),
    domainClaim: key(is.filled, "The claim that says whose a JWT is: a domain's uuid or its name.", 'HOOKSWITCH_JWT_DOMAIN_CLAIM'),
    adminClaim: key(is.anyText, "The claim that makes a JWT an admin's where it is, or as a list has, jwt.adminValue. Empty: no JWT is an admin's.", 'HOOKSWITCH_JWT_ADMIN_CLAIM'),
    adminValue: key(is.anyText, 'The value of that claim.', 'HOOKSWITCH_JWT_ADMIN_VALUE'),
    clockToleranceSeconds: key(is.whole(0, 3_600, 'seconds'), 'By how many seconds the clock of the issuer may differ from ours.'),
  },
  fusionpbx: {
    url: secret(is.fusionpbxUrl, 'The Postgres of a FusionPBX whose domains become tenants; it is only read. Empty: none.', 'HOOKSWITCH_FUSIONPBX_URL'),
    pollMs: key(is.milliseconds(1_000), 'How often it is read, in milliseconds.'),
    subscriptions: key(is.yesOrNo, 'Whether its table v_event_domain, where it has one, is taken over as subscriptions.', 'HOOKSWITCH_FUSIONPBX_SUBSCRIPTIONS'),
  },
  switches: secret(is.switches, 'The switches to listen to, each with name, host, port and password. Empty: the single one under "switch".', 'HOOKSWITCH_SWITCHES'),
  switch: {
    name: key(is.word, 'The name of the single switch, in logs and metrics.', 'HOOKSWITCH_SWITCH_NAME'),
    host: key(is.word, "The host of the single switch's event socket.", 'HOOKSWITCH_SWITCH_HOST'),
    port: key(is.port, 'Its port (listen-port in event_socket.conf.xml).', 'HOOKSWITCH_SWITCH_PORT'),
    password: secret(is.filled, 'Its password.', 'HOOKSWITCH_SWITCH_PASSWORD'),
  },
  esl: {
    loginTimeoutMs: key(is.milliseconds(), 'How long connecting, login and subscription may take together, in milliseconds.'),
    silenceMs: key(is.milliseconds(1_000), 'After how long without a byte from the switch it is pinged at the latest, in milliseconds; sooner where three of its heartbeats have not come, which it sends every 20 s.'),
    pingMs: key(is.milliseconds(), 'How long the answer to that ping may take, in milliseconds; then the link is dead.'),
    maxFrameBytes: key(is.whole(65_536, 268_435_456, 'bytes'), 'The longest event that is read, in bytes; a longer one is skipped and counted.'),
    customSubclasses: key(is.words, 'Subclasses of CUSTOM events to ask the switch for; that of cdr.source is asked for anyway.'),
  },
  calls: {
    variables: {
      domain: key(is.words, "The channel variables that may name a call's tenant, the first one that is set and known decides."),
      presence: key(is.words, 'The channel variables of the form user@domain that may name it, after those.'),
      direction: key(is.words, "The channel variables that say a call's direction."),
      gateway: key(is.words, 'The channel variables that mark a leg as one to or from a gateway.'),
      many: key(is.words, 'The channel variables that mark a call to many at once: a ring group, a queue, a menu.'),
      dialedUser: key(is.word, 'The channel variable with the user who was rung.'),
      dialedExtension: key(is.word, 'The channel variable with the extension that was rung.'),
    },
    sharedContexts: key(is.words, 'The dialplan contexts that belong to no single tenant, so that their names say nothing about one.'),
    publicContext: key(is.word, 'The dialplan context in which calls from outside arrive.'),
    applications: key(is.applications, "What tells a call's application: the first rule whose variable has that value on any leg."),
    rememberMs: key(is.milliseconds(), 'How long an ended call is remembered for its late events, in milliseconds.'),
    maxAgeMs: key(is.milliseconds(1_000), 'After how long a call whose end was never told is dropped from memory, in milliseconds.'),
  },
  cdr: {
    source: key(is.cdrSource, 'Which event makes the cdr: hangup_complete, or custom:<subclass> for an event of your own.', 'HOOKSWITCH_CDR_SOURCE'),
    lingerMs: key(is.milliseconds(0), "How long the cdr waits after the call's last hangup for what may still come, in milliseconds."),
    recordingWaitMs: key(is.milliseconds(0), 'How long the cdr of an answered call waits until the recording that the call names is closed, in milliseconds from the end of the call; then it goes without. 0: it does not wait.'),
    waitMs: key(is.milliseconds(), 'How long the cdr waits for an event of your own at most, in milliseconds; then it is made without.'),
  },
  recordings: {
    urlTemplate: key(is.recordingUrl, 'The public URL of a recording, with {domain}, {call_id} and {file} (the base name of the file). Empty: webhooks name no recording.', 'HOOKSWITCH_RECORDING_URL'),
    directory: key(is.folderOrNone, 'The folder under which the switch writes recordings, with the path that the switch gives it. The daemon then serves them itself, by links with an end. Empty: it serves none.', 'HOOKSWITCH_RECORDINGS_DIRECTORY'),
    publicUrl: key(is.baseUrlOrNone, "The base URL under which tenants reach this daemon's API, for those links.", 'HOOKSWITCH_RECORDINGS_PUBLIC_URL'),
    linkTtlMs: key(is.whole(60_000, 315_360_000_000, 'milliseconds'), 'For how long such a link works, in milliseconds from the end of the call.'),
    secret: secret(is.keyOrNone, 'What these links are signed with; the same for daemons that serve the same recordings. Empty: one is made and kept in dataDir.', 'HOOKSWITCH_RECORDINGS_SECRET'),
  },
  payload: {
    variables: key(is.variableNames, 'The channel variables that version 2 of the payload sends along: at most 32, and of each value 1 KiB.'),
    ringGroup: key(is.words, 'The channel variables that name the ring group of a call, for version 2 of the payload.'),
    queue: key(is.words, 'The same for its queue.'),
    ivr: key(is.words, 'The same for its menu.'),
    voicemail: key(is.words, 'The channel variables that only a call in voicemail carries, for version 2 of the payload and the event missed.'),
    fax: key(is.words, 'The same for one that a fax machine took.'),
    conference: key(is.words, 'The same for one in a conference.'),
  },
  ingest: {
    maxBuffered: key(is.whole(100, 10_000_000, 'notices'), 'Webhooks and states of calls that are held in memory while they are not yet committed; beyond, the link to the switch is closed, and taken up again below half.'),
    maxBatch: key(is.whole(1, 10_000, 'notices'), 'Webhooks and states of calls that are committed together at most.'),
  },
  delivery: {
    concurrency: key(is.whole(1, 10_000, 'webhooks'), 'Webhooks in flight at once, of all tenants together.', 'HOOKSWITCH_CONCURRENCY'),
    perUrl: key(is.whole(1, 10_000, 'webhooks'), 'Webhooks in flight at once to one URL.'),
    slowMs: key(is.milliseconds(), 'After how long without an answer a webhook in flight counts as slow, in milliseconds: it no longer counts in delivery.concurrency, but in delivery.slowConcurrency.'),
    slowConcurrency: key(is.whole(1, 10_000, 'webhooks'), 'Slow webhooks in flight at once, besides those of delivery.concurrency: what receivers that hang can hold.', 'HOOKSWITCH_SLOW_CONCURRENCY'),
    timeoutMs: key(is.milliseconds(), 'How long a receiver has for its answer, in milliseconds.'),
    maxResponseBytes: key(is.whole(0, 16_777_216, 'bytes'), "The longest part of a receiver's answer that is read, in bytes."),
    retryMs: key(is.waits, 'The waits before the second attempt, the third and so on, in milliseconds; after the last of them a delivery is given up.', 'HOOKSWITCH_RETRY_MS'),
    jitter: key(is.share, 'By how much of itself each wait is lengthened or shortened at random: 0.1 is 10 %.'),
    keyHeader: key(is.headerName, "The header that carries a subscription's key."),
    keyScheme: key(is.headerScheme, 'The word before the key in it; empty: none.'),
    leaseMs: key(is.milliseconds(1_000), 'After how long without a sign of life from a daemon the others take over its deliveries, in milliseconds.'),
    holdMs: key(is.milliseconds(), 'How long a failing delivery holds back the later ones of its call and URL, in milliseconds.'),
    ttlMs: {
      ringing: key(is.milliseconds(), 'For how long the webhook ringing is worth sending, in milliseconds: from when the switch told it, or from when it happened where that was found out later. Past it, it is not sent any more.'),
      answered: key(is.milliseconds(), 'The same for answered.'),
      hangup: key(is.milliseconds(), 'The same for hangup.'),
      cdr: key(is.milliseconds(), 'The same for cdr.'),
      missed: key(is.milliseconds(), 'The same for missed.'),
      recording: key(is.milliseconds(), 'The same for recording.'),
    },
    pollMs: key(is.milliseconds(10), 'How often the outbox is looked through for work at the least, in milliseconds.'),
    breaker: {
      failures: key(is.whole(1, 1_000_000, 'failures'), 'After so many failures in a row a URL is left alone.'),
      share: key(is.share, 'And after this share of failures among its webhooks of delivery.breaker.windowMs: 0.5 is half of them.'),
      minSamples: key(is.whole(1, 1_000_000, 'webhooks'), 'The least number of webhooks to judge that share by.'),
      windowMs: key(is.milliseconds(1_000), 'The time in which that share is counted, in milliseconds.'),
      firstProbeMs: key(is.milliseconds(), 'After how long a URL that is left alone is tried with one webhook, in milliseconds; each that fails doubles the wait.'),
      lastProbeMs: key(is.milliseconds(), 'The longest of these waits, in milliseconds.'),
    },
    disableAfterMs: key(is.milliseconds(60_000), "After how long of nothing but failures a tenant's subscriptions at a URL are disabled, in milliseconds."),
    allowAddresses: key(is.networks, 'Addresses and networks that webhooks may go to although they are not public.', 'HOOKSWITCH_ALLOW_ADDRESSES'),
    maxBacklog: key(is.whole(1, 1_000_000_000, 'deliveries'), 'With more deliveries waiting than this the daemon reports itself as not ready.'),
  },
  webhook: {
    allowHosts: key(net.hostNames, 'Host names that webhooks may go to wherever they lead, or *. and a domain for all names below it.', 'HOOKSWITCH_ALLOW_HOSTS'),
    allowPorts: key(net.ports, 'Ports below 1024 that webhooks may go to besides 80 and 443.', 'HOOKSWITCH_ALLOW_PORTS'),
    dnsServers: key(net.dnsServers, "The DNS servers that are asked for receivers' names, each an address with or without a port. Empty: as the system does.", 'HOOKSWITCH_DNS_SERVERS'),
    caFile: key(is.text, 'A PEM file with certificate authorities to trust besides the well-known ones. Empty: none.', 'HOOKSWITCH_CA_FILE'),
    proxyUrl: secret(net.proxyUrl, 'The proxy through which webhooks go, http or https, with its user and password where it wants them. Empty: none.', 'HOOKSWITCH_PROXY_URL'),
    noProxy: key(net.hosts, 'Receivers that are called without the proxy: host names, *. and a domain for all names below it, or addresses.', 'HOOKSWITCH_NO_PROXY'),
  },
  operator: {
    webhookUrl: secret(is.webhookUrl, 'Where the operator is told of subscriptions that were disabled or enabled again; it may be any address. Empty: nowhere but in the log.', 'HOOKSWITCH_OPERATOR_WEBHOOK_URL'),
    webhookSecret: secret(is.webhookSecret, 'What these webhooks are signed with, whsec_…. Empty: they are not signed.', 'HOOKSWITCH_OPERATOR_WEBHOOK_SECRET'),
  },
  tracing: {
    url: key(traces.tracesUrl, 'Where traces go: the OTLP/HTTP endpoint of an OpenTelemetry collector. Empty: there are none.', 'HOOKSWITCH_TRACING_URL'),
    headers: secret(traces.headerList, 'Headers to send along, such as a key.', 'HOOKSWITCH_TRACING_HEADERS'),
    share: key(traces.part, 'The share of calls that are traced: 1 is all of them. Daemons with the same share trace the same calls.', 'HOOKSWITCH_TRACING_SHARE'),
  },
  retention: {
    deliveredDays: key(is.whole(1, 3_650, 'days'), 'For how many days after that of their call, UTC, delivered webhooks are kept.'),
    abandonedDays: key(is.whole(1, 3_650, 'days'), 'The same for webhooks that were given up or had expired; a day is never kept for less than retention.deliveredDays.'),
  },
};

type ValuesOf<S> = { [K in keyof S]: S[K] extends Key<infer T> ? T : ValuesOf<S[K]> };

/** The values of all keys, once they are known to be right. */
export type Values = ValuesOf<typeof schema>;

/** Every key by its dot path, in the order of the schema. */
export function allKeys(node: object = schema, prefix = ''): [path: string, key: Key<unknown>][] {
  return Object.entries(node).flatMap(([name, child]: [string, object]) => (
    'kind' in child ? [[prefix + name, child as Key<unknown>] as [string, Key<unknown>]] : allKeys(child, `${prefix}${name}.`)));
}

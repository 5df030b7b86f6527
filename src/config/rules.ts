import type { Values } from './schema.js';

/** A rule between keys; asked only where each of them is right by itself. */
export interface Rule {
  /** The first is the one to change. */
  readonly keys: readonly [string, ...string[]];
  readonly wrong: (values: Values) => string | undefined;
}

/** A POST that ends just in time must still be recorded under its lease, also when a heartbeat came late. */
const SETTLE_MARGIN_MS = 4_000;

/** What must hold between the keys. */
export const rules: readonly Rule[] = [
  {
    keys: ['delivery.leaseMs', 'delivery.timeoutMs'],
    wrong: ({ delivery: { leaseMs, timeoutMs } }) => (leaseMs >= timeoutMs + SETTLE_MARGIN_MS ? undefined
      : `must exceed delivery.timeoutMs (${timeoutMs}) by ${SETTLE_MARGIN_MS} or more, or a slow webhook is sent by two daemons`),
  },
  {
    keys: ['delivery.perUrl', 'delivery.concurrency'],
    wrong: ({ delivery: { perUrl, concurrency } }) => (perUrl <= concurrency ? undefined : `must not exceed delivery.concurrency (${concurrency})`),
  },
  {
    keys: ['delivery.slowMs', 'delivery.timeoutMs'],
    wrong: ({ delivery: { slowMs, timeoutMs } }) => (slowMs <= timeoutMs ? undefined : `must not exceed delivery.timeoutMs (${timeoutMs})`),
  },
  {
    keys: ['delivery.breaker.firstProbeMs', 'delivery.breaker.lastProbeMs'],
    wrong: ({ delivery: { breaker: { firstProbeMs, lastProbeMs } } }) => (firstProbeMs <= lastProbeMs ? undefined : `must not exceed delivery.breaker.lastProbeMs (${lastProbeMs})`),
  },
  {
    keys: ['ingest.maxBatch', 'ingest.maxBuffered'],
    wrong: ({ ingest: { maxBatch, maxBuffered } }) => (maxBatch <= maxBuffered ? undefined : `must not exceed ingest.maxBuffered (${maxBuffered})`),
  },
  {
    keys: ['cdr.lingerMs', 'cdr.waitMs'],
    wrong: ({ cdr: { lingerMs, waitMs } }) => (lingerMs <= waitMs ? undefined : `must not exceed cdr.waitMs (${waitMs})`),
  },
  {
    keys: ['recordings.urlTemplate', 'recordings.directory'],
    wrong: ({ recordings: { urlTemplate, directory } }) => (urlTemplate === '' || directory === '' ? undefined
      : 'must be empty where recordings.directory is set: either the daemon serves the recordings, or somebody else does'),
  },
  {
    keys: ['recordings.publicUrl', 'recordings.directory'],
    wrong: ({ recordings: { publicUrl, directory } }) => (directory === '' || publicUrl !== '' ? undefined
      : 'must be set where recordings.directory is, or a link would lead nowhere'),
  },
  {
    keys: ['cdr.recordingWaitMs', 'calls.maxAgeMs'],
    wrong: ({ cdr: { recordingWaitMs }, calls: { maxAgeMs } }) => (recordingWaitMs < maxAgeMs ? undefined : `must be below calls.maxAgeMs (${maxAgeMs})`),
  },
  {
    keys: ['jwt.jwksFile', 'jwt.jwksUrl'],
    wrong: ({ jwt: { jwksFile, jwksUrl } }) => (jwksFile === '' || jwksUrl === '' ? undefined : 'must be empty where jwt.jwksUrl is set, or the other way round'),
  },
  ...(['issuer', 'audience', 'adminClaim'] as const).map((name): Rule => ({
    keys: [`jwt.${name}`, 'jwt.secret', 'jwt.jwksFile', 'jwt.jwksUrl'],
    wrong: ({ jwt }) => (jwt[name] === '' || jwt.secret + jwt.jwksFile + jwt.jwksUrl !== '' ? undefined
      : 'says nothing without a key: set jwt.secret, jwt.jwksFile or jwt.jwksUrl'),
  })),
  {
    keys: ['jwt.adminValue', 'jwt.adminClaim'],
    wrong: ({ jwt: { adminClaim, adminValue } }) => ((adminClaim === '') === (adminValue === '') ? undefined : 'must be set together with jwt.adminClaim, or neither of them'),
  },
  {
    keys: ['jwt.adminClaim', 'jwt.domainClaim'],
    wrong: ({ jwt: { adminClaim, domainClaim } }) => (adminClaim !== domainClaim ? undefined : "must differ from jwt.domainClaim, or a tenant's name could make it an admin"),
  },
  {
    keys: ['switches'],
    wrong: ({ switches }) => {
      const names = switches.map(({ name }) => name);
      const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index));
      return twice.size === 0 ? undefined : `must have a name of its own for each switch; ${[...twice].join(', ')} is there twice`;
    },
  },
];

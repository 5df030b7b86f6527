import type { Clock } from '../clock.js';
import { FusionPbxAway, readFusionPbx } from '../db/fusionpbx.js';
import { codeOf, serverOf, type Pool } from '../db/pool.js';
import type { Service } from '../lifecycle.js';
import type { Logger } from '../log.js';
import type { Metrics } from '../metrics.js';
import type { Vault } from '../seal.js';
import type { Check } from './plan.js';
import { createSkippedReport } from './skipped.js';
import { syncOnce, type SyncedState } from './sync.js';

export interface FusionPbxOptions {
  /** Of its Postgres. */
  url: string;
  pollMs: number;
  /** Whether its `v_event_domain` is taken over, where it has one. */
  subscriptions: boolean;
}

export interface FusionPbxDeps { pool: Pool; check: Check; vault: Vault; clock: Clock; log: Logger; metrics: Pick<Metrics, 'sourceSyncs' | 'sourceSkipped'>; random: () => number }

/** How long a start waits for the first look, so that a first start knows its tenants; a database that is away must not hold it up. */
const FIRST_LOOK_MS = 5_000;

/** Looks at the FusionPBX database again and again and keeps our tenants and subscriptions equal to it. It has no LISTEN for us, hence the polling. */
export function createFusionPbx(options: FusionPbxOptions, { pool, check, vault, clock, log, metrics, random }: FusionPbxDeps): Service {
  const stopping = new AbortController();
  const report = createSkippedReport(log, metrics);
  const server = serverOf(options.url);
  let loop: Promise<void> | undefined;
  let state: SyncedState | undefined;
  let trouble = '';

  async function look(): Promise<void> {
    const read = (unless?: string) => readFusionPbx(options.url, { subscriptions: options.subscriptions, unless }, stopping.signal);
    const outcome = await syncOnce({ pool, read, check, vault }, state).catch((error: unknown) => ({ kind: 'failed', error }) as const);
    if (stopping.signal.aborted) return;
    metrics.sourceSyncs.inc({ outcome: outcome.kind });
    if (outcome.kind === 'failed') return fail(outcome.error);
    if (outcome.kind === 'emptied') return say('the FusionPBX database has no domain any more; nothing is removed here', '');
    if (outcome.kind === 'busy') return;
    if (trouble !== '') log.info('the FusionPBX database is read again', { server });
    trouble = '';
    if (outcome.kind === 'unchanged') return;
    state = outcome.state;
    if (Object.values(outcome.changes).some((count) => count > 0)) log.info('taken over from FusionPBX', { ...outcome.changes });
    report(outcome.skipped);
  }

  function fail(error: unknown): void {
    if (error instanceof FusionPbxAway) say('the FusionPBX database cannot be read; what was taken from it stays', codeOf(error));
    else say('what FusionPBX has could not be stored; it is tried again', codeOf(error));
  }

  /** Once for each change of state, not for each look. */
  function say(message: string, code: string): void {
    if (trouble !== message + code) log.warn(message, { server, code: code === '' ? undefined : code });
    trouble = message + code;
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await clock.sleep(options.pollMs * (0.9 + random() * 0.1), stopping.signal);
      if (!stopping.signal.aborted) await look();
    }
  }

  return {
    name: 'fusionpbx',
    async start() {
      const first = look();
      loop ??= first.then(run);
      const waited = new AbortController();
      await Promise.race([first, clock.sleep(FIRST_LOOK_MS, waited.signal)]);
      waited.abort();
    },
    async stop() {
      stopping.abort();
      await loop;
    },
  };
}

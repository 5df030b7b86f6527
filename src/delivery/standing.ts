import { aborted, type Clock } from '../clock.js';
import type { Delivery } from '../db/outbox.js';
import { codeOf, type Queryable } from '../db/pool.js';
import { disableFailing, disableSubscription, reportHealth, takeChanges, type ChangedSubscription } from '../db/receiver-health.js';
import type { Service } from '../lifecycle.js';
import type { Logger } from '../log.js';
import type { Metrics } from '../metrics.js';
import { HealthNotes } from './health-notes.js';
import type { OperatorEvent } from './operator-webhook.js';
import type { Verdict } from './receivers.js';

export interface StandingDeps {
  db: Queryable;
  clock: Clock;
  log: Logger;
  metrics: Pick<Metrics, 'disabled' | 'enabled'>;
  /** A number in [0, 1). */
  random: () => number;
  /** Tells the operator. */
  tell: (event: OperatorEvent) => void;
}

export interface StandingOptions {
  /** After so long of nothing but failures a tenant's subscriptions at a URL are disabled. */
  disableAfterMs: number;
  /** How often what was seen is written down; what a receiver asks for is, at once. */
  everyMs?: number;
}

/** How tenants' URLs have been doing for days, in Postgres, and what comes of it. */
export interface Standing extends Service {
  /** Takes note of an attempt that was made. */
  observe(delivery: Pick<Delivery, 'domainId' | 'url' | 'subscriptionId'>, verdict: Verdict): void;
}

interface Wish { readonly domainId: string; readonly id: string; readonly reason: string }

const WOKEN = 'woken';

/**
 * Gathers what attempts say about tenants' URLs and writes it, at most once a minute for each. Disables what has failed for days, or
 * what its receiver wants no more of, and tells of every subscription that was disabled or enabled, whoever did it. While
 * Postgres is away, it keeps what it saw.
 */
export function createStanding({ db, clock, log, metrics, random, tell }: StandingDeps, { disableAfterMs, everyMs = 60_000 }: StandingOptions): Standing {
  const notes = new HealthNotes();
  const wishes = new Map<string, Wish>();
  const stopping = new AbortController();
  let bell = new AbortController();
  let loop: Promise<void> | undefined;
  let dueMs = 0;

  async function write(): Promise<void> {
    if (clock.monotonicMs() < dueMs && !stopping.signal.aborted) return;
    const { reports, failing, putBack } = notes.take(clock.monotonicMs());
    try {
      if (reports.length > 0) await reportHealth(db, reports);
    } catch (error) {
      putBack();
      throw error;
    }
    const disabled = failing.length === 0 ? [] : await disableFailing(db, failing, disableAfterMs);
    metrics.disabled.inc({ reason: 'failing' }, disabled.length);
    dueMs = clock.monotonicMs() + everyMs * (0.9 + random() * 0.2);
  }

  async function fulfil(): Promise<void> {
    for (const { domainId, id, reason } of [...wishes.values()]) {
      if (await disableSubscription(db, domainId, id, reason)) metrics.disabled.inc({ reason: 'receiver' });
      wishes.delete(id);
    }
  }

  async function announce(): Promise<void> {
    for (const changed of await takeChanges(db)) {
      if (changed.enabled) metrics.enabled.inc();
      else if (changed.disabledReason === null) metrics.disabled.inc({ reason: 'tenant' });
      log[changed.enabled ? 'info' : 'warn'](changed.enabled ? 'a subscription is enabled again' : 'a subscription is disabled', fieldsOf(changed));
      tell(eventOf(changed));
    }
  }

  async function pass(): Promise<void> {
    await fulfil();
    await write();
    await announce();
  }

  async function run(): Promise<void> {
    let failing = false;
    while (!stopping.signal.aborted) {
      bell = new AbortController();
      const code = await pass().then(() => undefined, codeOf);
      if (code !== undefined && !failing) log.warn('the health of receivers cannot be written', { code });
      failing = code !== undefined;
      await clock.sleep(failing ? everyMs : Math.max(0, dueMs - clock.monotonicMs()), AbortSignal.any([bell.signal, stopping.signal]));
    }
  }

  return {
    name: 'standing',
    observe({ domainId, url, subscriptionId }, verdict) {
      if (verdict.health !== undefined) notes.add({ domainId, url }, verdict.health, clock.monotonicMs());
      const reason = wishIn(verdict);
      if (reason === undefined) return;
      wishes.set(subscriptionId, { domainId, id: subscriptionId, reason });
      bell.abort(WOKEN);
    },
    start: () => { loop ??= run(); return Promise.resolve(); },
    async stop(hurry) {
      if (stopping.signal.aborted) return;
      stopping.abort();
      await Promise.race([(loop ?? Promise.resolve()).then(pass).catch(() => {}), aborted(hurry)]); // what was seen last is a minute's news at most
    },
  };
}

/** Why its receiver wants the subscription disabled; undefined where it does not. */
function wishIn(verdict: Verdict): string | undefined {
  if (verdict.kind === 'disabled') return verdict.reason;
  return verdict.kind === 'delivered' ? verdict.disable : undefined;
}

function fieldsOf({ id, domainName, event, url, disabledReason }: ChangedSubscription) {
  return { subscription: id, domain: domainName, event, host: URL.canParse(url) ? new URL(url).host : '', ...(disabledReason !== null && { reason: disabledReason }) };
}

function eventOf({ id, domainId, domainName, event, url, enabled, disabledReason }: ChangedSubscription): OperatorEvent {
  return {
    type: enabled ? 'subscription.enabled' : 'subscription.disabled',
    data: { event_domain_uuid: id, domain_uuid: domainId, domain_name: domainName, event_name: event, callback_url: url, reason: disabledReason },
  };
}

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

interface Wish { readonly domainId: string; readonly id: string; readonly reason: string }

const WOKEN = 'woken';
const EVERY_MS = 60_000;

/**
 * How tenants' URLs have been doing for days, in Postgres, and what comes of it. What attempts say is gathered, and written about
 * once a minute. What has failed for days is disabled, and what its receiver wants no more of. Every subscription that was
 * disabled or enabled is told of, whoever did it. While Postgres is away, all that was seen is kept.
 */
export class Standing implements Service {
  readonly name = 'standing';
  readonly #deps: StandingDeps;
  readonly #options: StandingOptions;
  readonly #notes = new HealthNotes();
  /** By subscription. */
  readonly #wishes = new Map<string, Wish>();
  readonly #stopping = new AbortController();
  #bell = new AbortController();
  #loop: Promise<void> | undefined;
  #writeAtMs = 0;

  constructor(deps: StandingDeps, options: StandingOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Takes note of an attempt that was made. */
  observe({ domainId, url, subscriptionId }: Pick<Delivery, 'domainId' | 'url' | 'subscriptionId'>, verdict: Verdict): void {
    if (verdict.health !== undefined) this.#notes.add({ domainId, url }, verdict.health, this.#deps.clock.monotonicMs());
    const reason = wishIn(verdict);
    if (reason === undefined) return;
    this.#wishes.set(subscriptionId, { domainId, id: subscriptionId, reason });
    this.#bell.abort(WOKEN);
  }

  start(): Promise<void> {
    this.#loop ??= this.#run();
    return Promise.resolve();
  }

  /** What was seen last is written down, unless Postgres takes too long: then it is a minute's news that is lost. */
  async stop(hurry: AbortSignal): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    this.#writeAtMs = 0;
    await Promise.race([this.#end(), aborted(hurry)]);
  }

  async #end(): Promise<void> {
    if (this.#loop === undefined) return;
    await this.#loop;
    await this.#pass().catch((error: unknown) => this.#complain(error));
  }

  async #run(): Promise<void> {
    const { clock } = this.#deps;
    let isFailing = false;
    while (!this.#stopping.signal.aborted) {
      this.#bell = new AbortController();
      const error = await this.#pass().then(() => undefined, (reason: unknown) => reason ?? 'unknown');
      if (error !== undefined && !isFailing) this.#complain(error);
      isFailing = error !== undefined;
      const waitMs = isFailing ? this.#everyMs() : Math.max(0, this.#writeAtMs - clock.monotonicMs());
      await clock.sleep(waitMs, AbortSignal.any([this.#bell.signal, this.#stopping.signal]));
    }
  }

  async #pass(): Promise<void> {
    await this.#fulfil();
    if (this.#deps.clock.monotonicMs() >= this.#writeAtMs) await this.#write();
    await this.#announce();
  }

  async #fulfil(): Promise<void> {
    const { db, metrics } = this.#deps;
    for (const { domainId, id, reason } of [...this.#wishes.values()]) {
      if (await disableSubscription(db, domainId, id, reason)) metrics.disabled.inc({ reason: 'receiver' });
      this.#wishes.delete(id);
    }
  }

  /** A URL can be disabled only by a failure that was just seen: of one to which nothing goes nobody knows how it does. */
  async #write(): Promise<void> {
    const { db, clock, metrics } = this.#deps;
    const { reports, failing, putBack } = this.#notes.take(clock.monotonicMs());
    try {
      if (reports.length > 0) await reportHealth(db, reports);
      const disabled = failing.length > 0 ? await disableFailing(db, failing, this.#options.disableAfterMs) : [];
      metrics.disabled.inc({ reason: 'failing' }, disabled.length);
    } catch (error) {
      putBack();
      throw error;
    }
    this.#writeAtMs = clock.monotonicMs() + this.#everyMs();
  }

  async #announce(): Promise<void> {
    const { db, metrics, log, tell } = this.#deps;
    for (const changed of await takeChanges(db)) {
      if (changed.enabled) {
        metrics.enabled.inc();
        log.info('a subscription is enabled again', fieldsOf(changed));
      } else {
        if (changed.disabledReason === null) metrics.disabled.inc({ reason: 'tenant' });
        log.warn('a subscription is disabled', fieldsOf(changed));
      }
      tell(eventOf(changed));
    }
  }

  #everyMs(): number { return (this.#options.everyMs ?? EVERY_MS) * (0.9 + this.#deps.random() * 0.2); }

  #complain(error: unknown): void { this.#deps.log.warn('the health of receivers cannot be written', { code: codeOf(error) }); }
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

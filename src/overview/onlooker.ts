import type { SwitchEvent } from '../calls/event.js';
import type { Clock } from '../clock.js';
import type { Delivery } from '../db/outbox.js';
import { Latencies } from './latencies.js';
import { Steps } from './steps.js';

/** What was seen of one switch. */
export interface SeenSwitch {
  upSince: Date | null;
  events: number;
  /** How long after the switch said it the last event was read: its clock and ours may differ. */
  lagMs: number | null;
  lastEventAt: Date | null;
  lastHeartbeatAt: Date | null;
  readonly perStep: Steps<{ events: number }>;
}

/** An attempt that failed. */
export interface SeenFailure {
  readonly at: Date;
  readonly deliveryId: string;
  readonly callId: string;
  readonly domain: string;
  /** Without its query, which may hold a receiver's secret. */
  readonly url: string;
  readonly urlKey: string;
  readonly event: string;
  readonly attempt: number;
  readonly outcome: string;
  readonly status: number | null;
  readonly reason: string | null;
}

/** What was delivered and what was not in one stretch of time. */
export interface Sent { delivered: number; failed: number; readonly latencies: Latencies }

/** Ten seconds: a chart of a quarter of an hour has ninety points. */
export const STEP_MS = 10_000;
export const STEPS = 90;
const MOST_FAILURES = 50;
/** URLs whose last failure is remembered: as many as the breakers tell of. */
const MOST_URLS = 1_000;

/**
 * Looks on as the daemon works and remembers the last quarter of an hour of it in bounded memory: for the operator, and nothing
 * depends on it. Sees what the parts tell their `watch`, and the links' ups and downs.
 */
export class Onlooker {
  readonly #clock: Pick<Clock, 'now' | 'monotonicMs'>;
  readonly #domainOf: (subscriptionId: string) => string | undefined;
  readonly #switches = new Map<string, SeenSwitch>();
  readonly #failures: SeenFailure[] = [];
  readonly #lastOfUrl = new Map<string, SeenFailure>();
  readonly sent = new Steps<Sent>({ stepMs: STEP_MS, most: STEPS + 1, empty: () => ({ delivered: 0, failed: 0, latencies: new Latencies() }) });

  constructor(clock: Pick<Clock, 'now' | 'monotonicMs'>, domainOf: (subscriptionId: string) => string | undefined) {
    this.#clock = clock;
    this.#domainOf = domainOf;
  }

  /** The last ones, newest first. */
  get failures(): readonly SeenFailure[] { return [...this.#failures].reverse(); }

  /** The last failure of a URL; undefined where none is remembered. */
  lastFailureOf(urlKey: string): SeenFailure | undefined { return this.#lastOfUrl.get(urlKey); }

  switchOf(name: string): SeenSwitch {
    const known = this.#switches.get(name) ?? {
      upSince: null, events: 0, lagMs: null, lastEventAt: null, lastHeartbeatAt: null,
      perStep: new Steps<{ events: number }>({ stepMs: STEP_MS, most: STEPS + 1, empty: () => ({ events: 0 }) }),
    };
    this.#switches.set(name, known);
    return known;
  }

  onUp(name: string): void { this.switchOf(name).upSince = this.#clock.now(); }

  onDown(name: string): void { this.switchOf(name).upSince = null; }

  event({ switchName, name, timestampUs }: Pick<SwitchEvent, 'switchName' | 'name' | 'timestampUs'>): void {
    const seen = this.switchOf(switchName);
    const now = this.#clock.now();
    seen.events += 1;
    seen.perStep.at(this.#clock.monotonicMs()).events += 1;
    seen.lagMs = Math.max(0, Math.round(now.getTime() - timestampUs / 1_000));
    seen.lastEventAt = now;
    if (name === 'HEARTBEAT') seen.lastHeartbeatAt = now;
  }

  attempt(delivery: Delivery, verdict: { kind: string; status?: number; reason?: string }, ms: number): void {
    if (verdict.kind === 'released' || verdict.kind === 'held') return;
    const step = this.sent.at(this.#clock.monotonicMs());
    step[verdict.kind === 'delivered' ? 'delivered' : 'failed'] += 1;
    if (verdict.kind !== 'expired') step.latencies.add(ms);
    if (verdict.kind !== 'delivered') this.#failed(delivery, verdict);
  }

  #failed({ id, subscriptionId, url, urlKey, event, attempt, body }: Delivery, { kind, status, reason }: { kind: string; status?: number; reason?: string }): void {
    const failure: SeenFailure = {
      at: this.#clock.now(), deliveryId: id, callId: callIdIn(body), domain: this.#domainOf(subscriptionId) ?? '', url: withoutQuery(url), urlKey, event, attempt, outcome: kind, status: status ?? null, reason: reason ?? null,
    };
    this.#failures.push(failure);
    if (this.#failures.length > MOST_FAILURES) this.#failures.shift();
    this.#lastOfUrl.delete(urlKey);
    this.#lastOfUrl.set(urlKey, failure);
    for (const oldest of this.#lastOfUrl.keys()) if (this.#lastOfUrl.size > MOST_URLS) this.#lastOfUrl.delete(oldest); else break;
  }
}

/** In version 2 of the body the call stands one step further in. */
function callIdIn(body: string): string {
  return /"call_id":"([^"\\]*)"/.exec(body)?.[1] ?? '';
}

function withoutQuery(url: string): string {
  if (!URL.canParse(url)) return '';
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

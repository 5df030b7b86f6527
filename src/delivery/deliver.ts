import type { Clock } from '../clock.js';
import type { Delivery } from '../db/outbox.js';
import type { Metrics } from '../metrics.js';
import type { Subscription } from '../subscriptions/subscription.js';
import type { RetryPolicy } from '../webhook/backoff.js';
import { withSequence } from '../webhook/envelope.js';
import { judge, type Reply } from '../webhook/outcome.js';
import type { Verdict } from './receivers.js';

export interface DeliverDeps {
  send: (request: { url: string; body: Buffer; headers: Record<string, string> }, signal: AbortSignal) => Promise<Reply>;
  /** The subscription as it is now; undefined where it is gone or disabled. */
  subscriptionOf: (id: string) => Subscription | undefined;
  /** Whether the lease outlives a POST begun now. */
  mayPost: () => boolean;
  policy: RetryPolicy;
  clock: Clock;
  metrics: Metrics;
  headers: HeaderOptions;
}

export interface HeaderOptions {
  /** `hookswitch/<version>`. */
  userAgent: string;
  /** Where a subscription's key goes: `authorization` by default … */
  keyHeader: string;
  /** … and the word before it, `Bearer`; '' for the bare key. */
  keyScheme: string;
}

/** One attempt, start to finish: send, judge. Everything else in this folder decides when, and records it. */
export async function deliver(delivery: Delivery, deps: DeliverDeps, signal: AbortSignal): Promise<Verdict> {
  const { clock, metrics } = deps;
  if (!deps.mayPost()) return { kind: 'released' };
  if (delivery.expiresAtMs !== null && delivery.expiresAtMs <= clock.now().getTime()) return { kind: 'expired' };
  const subscription = deps.subscriptionOf(delivery.subscriptionId);
  if (subscription === undefined) return { kind: 'abandoned', reason: 'unsubscribed' };

  const startedAtMs = clock.monotonicMs();
  if (delivery.receivedAtMs !== undefined) metrics.eventToSent.observe((startedAtMs - delivery.receivedAtMs) / 1_000);
  const headers = headersFor(delivery, subscription.apiKey, clock.now(), deps.headers);
  const reply = await deps.send({ url: delivery.url, body: Buffer.from(withSequence(delivery.body, delivery.id, delivery.sequence)), headers }, signal);
  metrics.answer.observe((clock.monotonicMs() - startedAtMs) / 1_000);

  const outcome = judge(reply, delivery.attempt, deps.policy);
  metrics.attempts.inc({ outcome: outcome.kind });
  return outcome;
}

/** What a receiver sees besides the body. `webhook-id` is the same for every attempt, so a repeat can be told from news. */
function headersFor(delivery: Delivery, apiKey: string, now: Date, { userAgent, keyHeader, keyScheme }: HeaderOptions): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': 'application/json; charset=utf-8',
    'user-agent': userAgent,
    'webhook-id': delivery.id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)),
    'x-hookswitch-event': delivery.event,
    'x-hookswitch-attempt': String(delivery.attempt),
    'x-hookswitch-sequence': String(delivery.sequence),
  };
  if (delivery.synthetic !== null) headers['x-hookswitch-synthetic'] = delivery.synthetic;
  if (apiKey !== '') headers[keyHeader] = keyScheme === '' ? apiKey : `${keyScheme} ${apiKey}`;
  return headers;
}

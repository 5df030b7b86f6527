import type { Clock } from '../clock.js';
import type { Delivery } from '../db/outbox.js';
import type { Metrics } from '../metrics.js';
import type { Subscription } from '../subscriptions/subscription.js';
import type { Trace } from '../tracing/trace.js';
import { backoffMs, type RetryPolicy } from '../webhook/backoff.js';
import { withSequence } from '../webhook/envelope.js';
import { judge, recordOf, type Reply } from '../webhook/outcome.js';
import { keysAt, sign, type SigningKeys } from '../webhook/sign.js';
import { healthOf } from './health.js';
import type { Verdict } from './receivers.js';

export interface DeliverDeps {
  send: (request: { url: string; body: Buffer; headers: Record<string, string> }, signal: AbortSignal) => Promise<Reply>;
  /** The subscription as it is now; undefined where it is gone, or its tenant disabled. */
  subscriptionOf: (id: string) => Subscription | undefined;
  /** Whether the lease outlives a POST begun now. */
  mayPost: () => boolean;
  policy: RetryPolicy;
  clock: Clock;
  metrics: Metrics;
  headers: HeaderOptions;
  /** Names the attempt in the trace of its call, and is told of it; neither throws nor waits. */
  trace?: Pick<Trace, 'traceparent' | 'attempted'> | undefined;
}

export interface HeaderOptions {
  /** `hookswitch/<version>`. */
  userAgent: string;
  /** Where a subscription's key goes: `authorization` by default … */
  keyHeader: string;
  /** … and the word before it, `Bearer`; '' for the bare key. */
  keyScheme: string;
}

/** However often it had to be put off: a delivery whose secret can be opened again should not wait for hours then. */
const LONGEST_LOCKED_MS = 600_000;

/** One attempt, start to finish: send, judge. Everything else in this folder decides when, and records it. */
export async function deliver(delivery: Delivery, deps: DeliverDeps, signal: AbortSignal): Promise<Verdict> {
  const { clock, metrics } = deps;
  if (!deps.mayPost()) return { kind: 'released' };
  if (delivery.expiresAtMs !== null && delivery.expiresAtMs <= clock.monotonicMs()) return { kind: 'expired' };
  const subscription = deps.subscriptionOf(delivery.subscriptionId);
  if (subscription === undefined) return { kind: 'abandoned', reason: 'unsubscribed' };
  if (!subscription.enabled) return { kind: 'held' };
  const { apiKey, signing } = subscription;
  if (signing.kind === 'locked') return putOff(delivery, signing.reason, deps);

  const startedAt = clock.now();
  if (delivery.receivedAtMs !== undefined) metrics.eventToSent.observe((clock.monotonicMs() - delivery.receivedAtMs) / 1_000);
  const body = Buffer.from(withSequence(delivery.body, delivery.id, delivery.sequence));
  const headers = headersFor(delivery, body, { apiKey, signing }, startedAt, deps.headers);
  if (deps.trace !== undefined) headers['traceparent'] = deps.trace.traceparent(delivery);
  const reply = await deps.send({ url: delivery.url, body, headers }, signal);
  metrics.answer.observe(reply.timing.totalMs / 1_000);

  const outcome = judge(reply, delivery.attempt - delivery.attemptsBefore, deps.policy);
  metrics.attempts.inc({ outcome: outcome.kind });
  deps.trace?.attempted(delivery, reply, outcome);
  return { ...outcome, record: recordOf(startedAt, reply, outcome), health: healthOf(reply) };
}

/** Never sent without its proofs, and never given up for want of them: that is the operator's to mend, and only its age ends it. */
function putOff({ attempt }: Delivery, reason: string, { policy, metrics }: DeliverDeps): Verdict {
  metrics.locked.inc();
  return { kind: 'retry', reason, afterMs: Math.min(backoffMs(attempt, policy) ?? LONGEST_LOCKED_MS, LONGEST_LOCKED_MS) };
}

/** What a receiver sees besides the body. `webhook-id` is the same for every attempt, so a repeat can be told from news. */
function headersFor(
  delivery: Delivery, body: Buffer, { apiKey, signing }: { apiKey: string; signing: SigningKeys }, now: Date, { userAgent, keyHeader, keyScheme }: HeaderOptions,
): Record<string, string> {
  const timestamp = String(Math.floor(now.getTime() / 1_000));
  const headers: Record<string, string> = {
    'content-type': 'application/json; charset=utf-8',
    'user-agent': userAgent,
    'webhook-id': delivery.id,
    'webhook-timestamp': timestamp,
    'webhook-signature': sign({ id: delivery.id, timestamp, body }, keysAt(signing, now)),
    'x-hookswitch-event': delivery.event,
    'x-hookswitch-attempt': String(delivery.attempt),
    'x-hookswitch-sequence': String(delivery.sequence),
  };
  if (delivery.synthetic !== null) headers['x-hookswitch-synthetic'] = delivery.synthetic;
  if (delivery.replayed) headers['x-hookswitch-replay'] = 'true';
  if (apiKey !== '') headers[keyHeader] = keyScheme === '' ? apiKey : `${keyScheme} ${apiKey}`;
  return headers;
}

import type { DetailedDelivery, StoredAttempt } from '../db/delivery-detail.js';
import type { ListedDelivery } from '../db/delivery-list.js';
import { withSequence } from '../webhook/envelope.js';

/** A delivery as a tenant knows it. What has not happened is not there: `due_at` once it has ended, `settled_at` until then. */
export function toDelivery({ dueAt, settledAt, synthetic, ...delivery }: ListedDelivery) {
  return {
    delivery_id: delivery.id, event_domain_uuid: delivery.subscriptionId, event: delivery.event, state: delivery.state, call_id: delivery.callId, flow_id: delivery.flowId,
    callback_url: delivery.url, sequence: delivery.sequence, attempts: delivery.attempt, last_status: delivery.lastStatus, last_reason: delivery.lastReason,
    from_number: delivery.fromNumber, to_number: delivery.toNumber, occurred_at: delivery.occurredAt, created_at: delivery.createdAt,
    ...(settledAt === null ? { due_at: dueAt } : { settled_at: settledAt }), ...(synthetic !== null && { synthetic }),
  };
}

/** The same with its body as it is sent, and each POST of it. */
export function toDetailedDelivery(delivery: DetailedDelivery) {
  const payload = JSON.parse(withSequence(delivery.body, delivery.id, delivery.sequence)) as unknown;
  return { ...toDelivery(delivery), payload, attempts: delivery.attempts.map((attempt) => ({ ...toAttempt(attempt), timing: timingOf(attempt), response: attempt.excerpt })) };
}

/** The same in the course of its call: each POST in short. */
export function toDeliveryOfCall({ attempts, ...delivery }: Omit<DetailedDelivery, 'body'>) {
  return { ...toDelivery(delivery), attempts: attempts.map((attempt) => ({ ...toAttempt(attempt), total_ms: attempt.totalMs })) };
}

function toAttempt({ number, startedAt, outcome, status, reason }: StoredAttempt) {
  return { number, started_at: startedAt, outcome, status, reason };
}

/** Milliseconds; a part that did not take place, as on a connection that was there already, is not there. */
function timingOf({ dnsMs, connectMs, tlsMs, firstByteMs, totalMs }: StoredAttempt) {
  return {
    ...(dnsMs !== null && { dns_ms: dnsMs }), ...(connectMs !== null && { connect_ms: connectMs }), ...(tlsMs !== null && { tls_ms: tlsMs }),
    ...(firstByteMs !== null && { first_byte_ms: firstByteMs }), total_ms: totalMs,
  };
}

import { backoffMs, type RetryPolicy } from './backoff.js';

/** What came back from one POST. A refused connection is an answer too, so `send` never throws. */
export type Reply =
  | { kind: 'answered'; status: number; retryAfterMs?: number }
  | { kind: 'unreachable'; code: string }
  | { kind: 'forbidden'; reason: string };

/** What one attempt means for its delivery. `status` is the HTTP status, where there was one. `expired` was not sent: it is too old to be news. */
export type Outcome =
  | { kind: 'delivered'; status: number }
  | { kind: 'retry'; reason: string; status?: number; afterMs: number }
  | { kind: 'abandoned'; reason: string; status?: number }
  | { kind: 'expired' };

/**
 * Any 2xx is a delivery. Everything else is tried again until the policy's waits are used up, also what looks final: a 404
 * or 410 may be a deploy gone wrong, and an address that may not be called, a DNS record about to be mended.
 */
export function judge(reply: Reply, attempt: number, policy: RetryPolicy): Exclude<Outcome, { kind: 'expired' }> {
  if (reply.kind === 'answered' && reply.status >= 200 && reply.status < 300) return { kind: 'delivered', status: reply.status };

  const failure = { reason: reasonOf(reply), ...(reply.kind === 'answered' ? { status: reply.status } : {}) };
  const waitMs = backoffMs(attempt, policy);
  if (waitMs === undefined) return { kind: 'abandoned', ...failure };

  const askedMs = reply.kind === 'answered' ? (reply.retryAfterMs ?? 0) : 0;
  return { kind: 'retry', ...failure, afterMs: Math.max(waitMs, askedMs) };
}

function reasonOf(reply: Reply): string {
  switch (reply.kind) {
    case 'answered': return `status ${reply.status}`;
    case 'unreachable': return reply.code;
    case 'forbidden': return reply.reason;
  }
}

import { backoffMs, type RetryPolicy } from './backoff.js';

/**
 * How long the phases of one POST took, in milliseconds with fractions. A phase that did not happen is absent: a connection
 * that is used again needs neither name nor handshake, and one that was refused gave no first byte.
 */
export interface Timing {
  readonly dnsMs?: number;
  /** The TCP connection alone. */
  readonly connectMs?: number;
  readonly tlsMs?: number;
  /** From the connection ready to the head of the answer: the request on its way, and what the receiver did. */
  readonly firstByteMs?: number;
  /** From first to last, waiting for a connection included. */
  readonly totalMs: number;
}

/** What a receiver may ask for in the header `webhook-delivery` of its answer: no more webhooks at all, or not this one again. */
export type Instruction = 'disable' | 'abort-message';

/** What came back. A refused connection is an answer too, so `send` never throws. */
export type Answer =
  | {
    readonly kind: 'answered';
    readonly status: number;
    readonly retryAfterMs?: number;
    /** How the body begins, see `excerptOf`. */
    readonly excerpt: string;
    readonly instruction?: Instruction;
  }
  /** `code` as Node has it, such as ECONNREFUSED. */
  | { readonly kind: 'unreachable'; readonly code: string }
  /** Nothing was sent: it may not go there, or not like this. */
  | { readonly kind: 'forbidden'; readonly reason: string };

/** What came back from one POST, and how long that took. */
export type Reply = Answer & { readonly timing: Timing };

/** What one attempt means for its delivery. `status` is the HTTP status, where there was one. */
export type Outcome =
  /** `disable`: it was taken, and the receiver wants no more; its subscription is to be disabled for that reason. */
  | { kind: 'delivered'; status: number; disable?: string }
  | { kind: 'retry'; reason: string; status?: number; afterMs: number }
  | { kind: 'abandoned'; reason: string; status?: number }
  /** It was not taken, and its subscription is to be disabled for that reason. */
  | { kind: 'disabled'; reason: string; status: number }
  /** It was not sent: it is too old to be news. */
  | { kind: 'expired' };

/** What is kept of one attempt. `reason` says why it was no delivery. */
export interface AttemptRecord {
  readonly startedAt: Date;
  readonly timing: Timing;
  readonly excerpt?: string;
  readonly status?: number;
  readonly reason?: string;
}

/** RFC 9110, 15.5.11: what was here is gone for good, and links to it are best removed. */
const GONE = 410;

/**
 * Any 2xx is a delivery. A 410, or `webhook-delivery: disable` with any status, ends the subscription; `abort-message` ends
 * this delivery. Everything else is tried again until the policy's waits are used up, also what looks final: a 404 may be a
 * deploy gone wrong, and an address that may not be called, a DNS record about to be mended.
 */
export function judge(reply: Reply, attempt: number, policy: RetryPolicy): Exclude<Outcome, { kind: 'expired' }> {
  if (reply.kind === 'answered') {
    const ending = endOf(reply.status, reply.instruction);
    if (ending !== undefined) return ending;
  }
  const failure = { reason: reasonOf(reply), ...(reply.kind === 'answered' ? { status: reply.status } : {}) };
  const waitMs = backoffMs(attempt, policy);
  if (waitMs === undefined) return { kind: 'abandoned', ...failure };

  const askedMs = reply.kind === 'answered' ? (reply.retryAfterMs ?? 0) : 0;
  return { kind: 'retry', ...failure, afterMs: Math.max(waitMs, askedMs) };
}

/** What of an attempt is kept beside its outcome. */
export function recordOf(startedAt: Date, reply: Reply, outcome: Outcome): AttemptRecord {
  return {
    startedAt, timing: reply.timing,
    ...(reply.kind === 'answered' ? { status: reply.status, excerpt: reply.excerpt } : {}),
    ...('reason' in outcome ? { reason: outcome.reason } : {}),
  };
}

/** The answers that leave nothing to be tried again; undefined for all others. */
function endOf(status: number, instruction: Instruction | undefined): Exclude<Outcome, { kind: 'expired' | 'retry' }> | undefined {
  const asked = `status ${status}, and the receiver asked for no more webhooks`;
  if (status >= 200 && status < 300) return instruction === 'disable' ? { kind: 'delivered', status, disable: asked } : { kind: 'delivered', status };
  if (instruction === 'disable') return { kind: 'disabled', status, reason: asked };
  if (status === GONE) return { kind: 'disabled', status, reason: `status ${status}` };
  if (instruction === 'abort-message') return { kind: 'abandoned', status, reason: `status ${status}, and the receiver refused it for good` };
  return undefined;
}

function reasonOf(reply: Reply): string {
  switch (reply.kind) {
    case 'answered': return `status ${reply.status}`;
    case 'unreachable': return reply.code;
    case 'forbidden': return reply.reason;
  }
}

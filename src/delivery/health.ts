import type { Reply } from '../webhook/outcome.js';

/** What one POST says about its receiver, whatever becomes of the delivery. */
export type Health =
  | { readonly kind: 'well' }
  /** `askedMs`: how long it asked to be left alone; 0 where it did not. */
  | { readonly kind: 'failed'; readonly reason: string; readonly askedMs: number };

/** A URL that is not plainly well, as this daemon sees it. */
export interface ReceiverHealth {
  /** `urlKey` of its URL. */
  readonly urlKey: string;
  /** `closed`: it is sent to; `open`: it is left alone; `probing`: one POST finds out whether it is back. */
  readonly state: 'closed' | 'open' | 'probing';
  /** It lets POSTs wait. */
  readonly slow: boolean;
  /** Failures since it last took something. */
  readonly failures: number;
  /** POSTs under way. */
  readonly inFlight: number;
  /** POSTs that may be under way at once. */
  readonly slots: number;
  /** In how many milliseconds the next probe may begin; null unless `open`. */
  readonly nextProbeMs: number | null;
  /** Why the last POST that failed did; null where none has. */
  readonly lastFailure: string | null;
}

/**
 * A receiver is well that took the webhook, or that said what is to be done instead: an instruction, or 410. Every other answer is
 * a failure, a 404 no less than silence. So is a 429 or 503 with `Retry-After`: it is alive, but takes nothing; what it
 * asks for counts once it is left alone.
 */
export function healthOf(reply: Reply): Health {
  switch (reply.kind) {
    case 'unreachable': return { kind: 'failed', reason: reply.code, askedMs: 0 };
    case 'forbidden': return { kind: 'failed', reason: reply.reason, askedMs: 0 };
    case 'answered': return isWell(reply) ? { kind: 'well' } : { kind: 'failed', reason: `status ${reply.status}`, askedMs: reply.retryAfterMs ?? 0 };
  }
}

function isWell({ status, instruction }: Extract<Reply, { kind: 'answered' }>): boolean {
  return (status >= 200 && status < 300) || status === 410 || instruction !== undefined;
}

import type { FastifyError } from 'fastify';
import { retryAfter, type Problem } from './problem.js';
import { StoreAway, StoreSlow } from './store.js';

/** What the framework refuses by itself, in our words: its own quote what the client sent. */
const REFUSALS: Readonly<Record<string, Problem>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { status: 413, detail: 'The body is too large.' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: { status: 415, detail: 'Send the body as Content-Type: application/json.', headers: { accept: 'application/json' } },
  FST_ERR_CTP_INVALID_JSON_BODY: { status: 400, detail: 'The body is not valid JSON.' },
  FST_ERR_BAD_URL: { status: 400, detail: 'The path is not a valid URL path.' },
};

const AWAY: Problem = { status: 503, detail: 'The service cannot reach its database. Try again shortly.', headers: retryAfter(5_000) };

const SLOW: Problem = { status: 503, detail: 'This takes too long to find. Ask for less at once: between from and to, or by call_id.', headers: retryAfter(60_000) };

/** What a client is told of an error that ended its request; `ours` when it is a defect that has to be looked at. */
export function problemOf(error: unknown): { problem: Problem; ours: boolean } {
  const { code = '', statusCode = 500 } = error as Partial<FastifyError>;
  const refusal = REFUSALS[code];
  if (refusal !== undefined) return { problem: refusal, ours: false };
  if (error instanceof StoreSlow) return { problem: SLOW, ours: false };
  if (code === 'FST_ERR_HANDLER_TIMEOUT' || error instanceof StoreAway) return { problem: AWAY, ours: false };
  if (statusCode >= 400 && statusCode < 500) return { problem: { status: statusCode, detail: 'The request cannot be understood.' }, ours: false };
  return { problem: { status: 500, detail: 'Something went wrong here. It has been recorded under the request id.' }, ours: true };
}

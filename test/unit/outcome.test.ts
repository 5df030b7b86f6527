import { judge, recordOf, type Answer, type Instruction, type Reply } from '../../src/webhook/outcome.js';

const policy = { waitsMs: [1_000, 2_000], jitter: 0.1, random: () => 0.5 };
const timing = { connectMs: 0.5, firstByteMs: 2, totalMs: 3 };

const answered = (status: number, rest: { retryAfterMs?: number; instruction?: Instruction; excerpt?: string } = {}): Answer => ({ kind: 'answered', status, excerpt: '', ...rest });
const unreachable = (code: string): Answer => ({ kind: 'unreachable', code });

describe('judge', () => {
  it.each<[string, Answer, number, object]>([
    ['200 delivers', answered(200), 1, { kind: 'delivered', status: 200 }],
    ['any 2xx delivers', answered(299), 1, { kind: 'delivered', status: 299 }],
    ['the last attempt can deliver', answered(204), 3, { kind: 'delivered', status: 204 }],
    ['a redirect is no delivery', answered(302), 1, { kind: 'retry', reason: 'status 302', status: 302, afterMs: 1_000 }],
    ['5xx is retried', answered(503), 2, { kind: 'retry', reason: 'status 503', status: 503, afterMs: 2_000 }],
    ['404 is retried too', answered(404), 1, { kind: 'retry', reason: 'status 404', status: 404, afterMs: 1_000 }],
    ['silence is retried', unreachable('ETIMEDOUT'), 1, { kind: 'retry', reason: 'ETIMEDOUT', afterMs: 1_000 }],
    ['an address that may not be called is retried, with its reason', { kind: 'forbidden', reason: 'private address' }, 1, { kind: 'retry', reason: 'private address', afterMs: 1_000 }],
    ['Retry-After wins when longer', answered(429, { retryAfterMs: 9_000 }), 1, { kind: 'retry', reason: 'status 429', status: 429, afterMs: 9_000 }],
    ['and loses when shorter', answered(429, { retryAfterMs: 9 }), 1, { kind: 'retry', reason: 'status 429', status: 429, afterMs: 1_000 }],
    ['after the last attempt it is given up, with the reason', unreachable('ECONNREFUSED'), 3, { kind: 'abandoned', reason: 'ECONNREFUSED' }],
    ['also what Retry-After would put off', answered(503, { retryAfterMs: 9_000 }), 3, { kind: 'abandoned', reason: 'status 503', status: 503 }],
    ['410 ends the subscription', answered(410), 1, { kind: 'disabled', reason: 'status 410', status: 410 }],
    ['also at the last attempt', answered(410), 3, { kind: 'disabled', reason: 'status 410', status: 410 }],
    ['so does `disable` with a failure', answered(500, { instruction: 'disable' }), 1, { kind: 'disabled', reason: 'status 500, and the receiver asked for no more webhooks', status: 500 }],
    ['a 2xx with `disable` is delivered and ends it', answered(204, { instruction: 'disable' }), 1, { kind: 'delivered', status: 204, disable: 'status 204, and the receiver asked for no more webhooks' }],
    ['`abort-message` ends the delivery at once', answered(422, { instruction: 'abort-message' }), 1, { kind: 'abandoned', reason: 'status 422, and the receiver refused it for good', status: 422 }],
    ['also where Retry-After says otherwise', answered(503, { instruction: 'abort-message', retryAfterMs: 9_000 }), 1, { kind: 'abandoned', reason: 'status 503, and the receiver refused it for good', status: 503 }],
    ['but not the subscription, and what was taken is taken', answered(200, { instruction: 'abort-message' }), 1, { kind: 'delivered', status: 200 }],
    ['a 410 ends more than `abort-message` asks for', answered(410, { instruction: 'abort-message' }), 1, { kind: 'disabled', reason: 'status 410', status: 410 }],
  ])('%s', (_name, answer, attempt, expected) => {
    expect(judge({ ...answer, timing }, attempt, policy)).toEqual(expected);
  });
});

describe('the record of an attempt', () => {
  const startedAt = new Date('2026-01-01T00:00:00Z');
  it.each<[string, Answer, object]>([
    ['of a delivery has no reason', answered(200, { excerpt: 'thanks' }), { status: 200, excerpt: 'thanks' }],
    ['of a failure says why', answered(500, { excerpt: 'Traceback' }), { status: 500, excerpt: 'Traceback', reason: 'status 500' }],
    ['of silence has no status', unreachable('ETIMEDOUT'), { reason: 'ETIMEDOUT' }],
  ])('%s', (_name, answer, expected) => {
    const reply: Reply = { ...answer, timing };
    expect(recordOf(startedAt, reply, judge(reply, 1, policy))).toEqual({ startedAt, timing, ...expected });
  });
});

import { judge, type Reply } from '../../src/webhook/outcome.js';

const policy = { waitsMs: [1_000, 2_000], jitter: 0.1, random: () => 0.5 };

describe('judge', () => {
  it.each<[string, Reply, number, object]>([
    ['200 delivers', { kind: 'answered', status: 200 }, 1, { kind: 'delivered', status: 200 }],
    ['any 2xx delivers', { kind: 'answered', status: 299 }, 1, { kind: 'delivered', status: 299 }],
    ['the last attempt can deliver', { kind: 'answered', status: 204 }, 3, { kind: 'delivered', status: 204 }],
    ['a redirect is no delivery', { kind: 'answered', status: 302 }, 1, { kind: 'retry', reason: 'status 302', status: 302, afterMs: 1_000 }],
    ['5xx is retried', { kind: 'answered', status: 503 }, 2, { kind: 'retry', reason: 'status 503', status: 503, afterMs: 2_000 }],
    ['410 is retried too', { kind: 'answered', status: 410 }, 1, { kind: 'retry', reason: 'status 410', status: 410, afterMs: 1_000 }],
    ['silence is retried', { kind: 'unreachable', code: 'ETIMEDOUT' }, 1, { kind: 'retry', reason: 'ETIMEDOUT', afterMs: 1_000 }],
    ['an address that may not be called is retried, with its reason', { kind: 'forbidden', reason: 'private address' }, 1, { kind: 'retry', reason: 'private address', afterMs: 1_000 }],
    ['Retry-After wins when longer', { kind: 'answered', status: 429, retryAfterMs: 9_000 }, 1, { kind: 'retry', reason: 'status 429', status: 429, afterMs: 9_000 }],
    ['and loses when shorter', { kind: 'answered', status: 429, retryAfterMs: 9 }, 1, { kind: 'retry', reason: 'status 429', status: 429, afterMs: 1_000 }],
    ['after the last attempt it is given up, with the reason', { kind: 'unreachable', code: 'ECONNREFUSED' }, 3, { kind: 'abandoned', reason: 'ECONNREFUSED' }],
    ['also what Retry-After would put off', { kind: 'answered', status: 503, retryAfterMs: 9_000 }, 3, { kind: 'abandoned', reason: 'status 503', status: 503 }],
  ])('%s', (_name, reply, attempt, expected) => {
    expect(judge(reply, attempt, policy)).toEqual(expected);
  });
});

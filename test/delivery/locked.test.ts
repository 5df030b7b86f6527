import { deliver } from '../../src/delivery/deliver.js';
import { createMetrics } from '../../src/metrics.js';
import { manualClock } from '../esl/manual-clock.js';
import { subscription } from './harness.js';
import { promiseTo } from './promise.js';

const metrics = createMetrics();

/** One attempt for a subscription whose secret cannot be opened. */
const attempt = (number: number, { expiresAtMs = null }: { expiresAtMs?: number | null } = {}) => deliver(
  { ...promiseTo('http://receiver.test/', 'flow', 1), day: '2026-01-01', sequence: 1, attempt: number, attemptsBefore: 0, replayed: false, alone: false, synthetic: null, expiresAtMs },
  {
    send: () => Promise.reject(new Error('Nothing may be sent without its proofs')),
    subscriptionOf: () => ({ ...subscription, signing: { kind: 'locked', reason: 'sealed with key 72cd6e84, which is not configured' } }),
    mayPost: () => true, policy: { waitsMs: [5_000, 30_000, 3_600_000], jitter: 0, random: () => 0.5 },
    clock: manualClock().clock, metrics, headers: { userAgent: '', keyHeader: 'authorization', keyScheme: 'Bearer' },
  }, new AbortController().signal);

it.each([[1, 5_000], [2, 30_000], [3, 600_000], [4, 600_000], [100, 600_000]])(
  'what cannot be signed is not sent and never given up: after attempt %i it waits %i ms', async (number, afterMs) => {
    expect(await attempt(number)).toMatchObject({ kind: 'retry', reason: 'sealed with key 72cd6e84, which is not configured', afterMs });
  });

it('is counted, and ends by its age alone', async () => {
  const before = (await metrics.locked.get()).values[0]!.value;
  await attempt(1);
  expect((await metrics.locked.get()).values[0]!.value).toBe(before + 1);
  expect(await attempt(1, { expiresAtMs: 0 })).toMatchObject({ kind: 'expired' });
});

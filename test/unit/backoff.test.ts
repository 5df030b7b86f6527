import { backoffMs, DEFAULT_WAITS_MS } from '../../src/webhook/backoff.js';

const policy = { waitsMs: [1_000, 60_000], jitter: 0.1, random: () => 0.5 };

describe('backoffMs', () => {
  it.each([
    ['the first wait follows the first attempt', 1, 0.5, 1_000],
    ['the second wait the second', 2, 0.5, 60_000],
    ['chance shortens it by a tenth at most', 1, 0, 900],
    ['and lengthens it by a tenth at most', 1, 0.9999999, 1_100],
    ['after the last wait there is no other', 3, 0.5, undefined],
  ])('%s', (_name, attempt, random, expected) => {
    expect(backoffMs(attempt, { ...policy, random: () => random })).toBe(expected);
  });

  it('tries for a day by default, each wait at least as long as the one before', () => {
    expect(DEFAULT_WAITS_MS.toSorted((a, b) => a - b)).toEqual(DEFAULT_WAITS_MS);
    const hours = DEFAULT_WAITS_MS.reduce((sum, ms) => sum + ms, 0) / 3_600_000;
    expect(Math.round(hours)).toBe(24);
  });
});

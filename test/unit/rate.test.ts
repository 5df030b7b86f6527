import { Rate } from '../../src/delivery/rate.js';

/** Every POST that may begin within so many milliseconds, asking as soon as it is told to. */
function within(ms: number, perSecond: number): number[] {
  const rate = new Rate();
  const begun: number[] = [];
  for (let nowMs = 0; nowMs < ms;) {
    const waitMs = rate.take('s', perSecond, nowMs);
    if (waitMs === 0) begun.push(nowMs); else nowMs += waitMs;
  }
  return begun;
}

it.each([
  [1, 10_000, 10],
  [4, 1_000, 4],
  [10, 3_000, 30],
])('%d a second are, evenly spread over %d ms, %d', (perSecond, ms, count) => {
  const begun = within(ms, perSecond);
  expect(begun).toHaveLength(count);
  expect(begun.slice(1).every((atMs, index) => Math.abs(atMs - begun[index]! - 1_000 / perSecond) < 1e-6)).toBe(true);
});

it('a thousand a second may come a twentieth of a second too early, for timers are coarse', () => {
  expect(within(1_000, 1_000).length).toBeLessThanOrEqual(1_050);
  expect(within(10_000, 1_000).length).toBeLessThanOrEqual(10_050);
});

it('each subscription has a rate of its own, and what it did not use is lost', () => {
  const rate = new Rate();
  expect([rate.take('a', 1, 0), rate.take('b', 1, 0), rate.take('a', 1, 400), rate.take('a', 1, 60_000), rate.take('a', 1, 60_000)]).toEqual([0, 0, 600, 0, 1_000]);
});

it('forgets nobody who may not be sent to yet', () => {
  const rate = new Rate();
  rate.take('a', 1, 0);
  rate.sweep(500);
  expect(rate.take('a', 1, 500)).toBe(500);
});

import { Breaker, type Failure } from '../../src/delivery/breaker.js';

const policy = { failures: 10, share: 0.5, minSamples: 20, windowMs: 60_000, firstProbeMs: 15_000, lastProbeMs: 600_000 };
const SOME: Failure = { probe: false, slow: false, askedMs: 0, chance: 0.5 };

/** A breaker of eight slots, and a hand to move it: `.` is a POST that succeeds, `x` one that fails, `s` one that fails slowly; one a second. */
function breaker() {
  const subject = new Breaker(policy, 8);
  let nowMs = 0;
  return {
    subject,
    plays: (posts: string): Breaker => {
      for (const post of posts) {
        nowMs += 1_000;
        if (post === '.') subject.succeeded(nowMs); else subject.failed(nowMs, { ...SOME, slow: post === 's' });
      }
      return subject;
    },
    wait: (ms: number) => { nowMs += ms; return subject.slots(nowMs); },
    /** Probes as soon as that is allowed, and says how long it took until then. */
    probes: (outcome: '.' | 'x' | '-', failure: Partial<Failure> = {}): number => {
      const waitedMs = subject.probeAtMs! - nowMs;
      nowMs = subject.probeAtMs!;
      expect([subject.begin(nowMs - 1), subject.begin(nowMs), subject.begin(nowMs)]).toEqual(['barred', 'probe', 'barred']);
      if (outcome === '.') subject.succeeded(nowMs);
      else if (outcome === 'x') subject.failed(nowMs, { ...SOME, probe: true, ...failure });
      else subject.unused();
      return waitedMs;
    },
  };
}

const TEN = 'xxxxxxxxxx';

it.each([
  ['nothing has happened', '', 'closed', 8],
  ['nine fail in a row', 'xxxxxxxxx', 'closed', 8],
  ['ten fail in a row', TEN, 'open', 0],
  ['ten fail, but not in a row', 'xxxxx.xxxxx', 'closed', 8],
  ['half of nineteen fail', '.x.x.x.x.x.x.x.x.xx', 'closed', 8],
  ['half of twenty fail', '.x.x.x.x.x.x.x.x.x.x', 'open', 0],
  ['not quite half of many fail', `..${'.x'.repeat(14)}`, 'closed', 8],
  ['a third of many fails', '..x'.repeat(20), 'closed', 8],
  ['one fails slowly', 's', 'closed', 1],
  ['it succeeds after that', 's.', 'closed', 2],
  ['and again, twice', 's...', 'closed', 4],
  ['and often', 's.......', 'closed', 8],
  ['fast failures come in between', 's.x.x.x.x.x.x.', 'closed', 8],
])('when %s', (_name, posts, state, slots) => {
  const { plays, wait } = breaker();
  expect([plays(posts).state, wait(0)]).toEqual([state, slots]);
});

it('forgets what is longer ago than its window', () => {
  const { plays, wait } = breaker();
  plays('x.x.x.x.x.x.x.x.x.');
  wait(60_000);
  expect(plays('x..x').state).toBe('closed');
});

it('probes after fifteen seconds, and then after twice the time before, up to ten minutes', () => {
  const { plays, probes } = breaker();
  plays(TEN);
  expect(Array.from({ length: 8 }, () => probes('x'))).toEqual([15_000, 30_000, 60_000, 120_000, 240_000, 480_000, 600_000, 600_000]);
});

it('spreads each wait by a tenth to either side', () => {
  const { plays, probes } = breaker();
  plays(TEN);
  probes('x', { chance: 0 });
  expect(probes('x', { chance: 0.9999999 })).toBe(27_000);
  expect(probes('x')).toBeCloseTo(66_000, 0);
});

it('waits for as long as the receiver asks for, but ten minutes at most', () => {
  const { plays, probes } = breaker();
  plays(TEN);
  probes('x', { askedMs: 100_000 });
  expect(probes('x', { askedMs: 86_400_000 })).toBe(100_000);
  expect(probes('x')).toBe(600_000);
});

it('lets one POST at once through after a probe that succeeded, then two, four, eight', () => {
  const { plays, probes, wait } = breaker();
  plays(TEN);
  probes('.');
  const slots = [wait(0)];
  for (let post = 1; post <= 8; post += 1) { plays('.'); slots.push(wait(0)); }
  expect(slots).toEqual([1, 2, 2, 4, 4, 4, 4, 8, 8]);
});

it('begins with the first wait when it opens again', () => {
  const { plays, probes } = breaker();
  plays(TEN);
  for (const outcome of ['x', 'x', '.'] as const) probes(outcome);
  expect(plays(TEN).state).toBe('open');
  expect(probes('x')).toBe(15_000);
});

it('is closed by any POST that succeeds, also one that began before it opened', () => {
  const { plays } = breaker();
  plays(TEN);
  expect(plays('.').state).toBe('closed');
});

it('waits no longer for POSTs that began before it opened and fail late', () => {
  const { plays, probes } = breaker();
  plays(TEN);
  expect(probes('x')).toBe(15_000);
  plays('xxxxx');
  expect(probes('x')).toBe(25_000);
});

it('probes again at once where the probe could not be sent', () => {
  const { plays, probes } = breaker();
  plays(TEN);
  expect([probes('-'), probes('-'), probes('x'), probes('x')]).toEqual([15_000, 0, 0, 30_000]);
});

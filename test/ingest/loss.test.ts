import { LossDetector, type Loss } from '../../src/ingest/loss.js';

/** Heartbeats in a row: sessions ever and up by the switch, created and up as seen. */
const verdicts = (...beats: [ever: number, up: number, created: number, seenUp: number][]): (Loss | undefined)[] => {
  const detector = new LossDetector();
  return beats.map(([sessionsEver, sessionsUp, created, up]) => detector.compare({ sessionsEver, sessionsUp }, { created, up }));
};

it('takes the first heartbeat for the base line: channels from before the link are no loss', () => {
  expect(verdicts([5_000, 40, 0, 0], [5_002, 41, 2, 1])).toEqual([undefined, undefined]);
});

it('does not take a channel whose CREATE is on its way for a loss', () => {
  expect(verdicts([100, 0, 0, 0], [101, 1, 0, 0], [101, 1, 1, 1])).toEqual([undefined, undefined, undefined]);
});

it('reports beginnings that two heartbeats in a row show to be missing', () => {
  expect(verdicts([100, 0, 0, 0], [103, 0, 0, 0], [104, 0, 0, 0])).toEqual([undefined, undefined, { begun: 3, ended: 0 }]);
});

it('reports ends that were not heard', () => {
  expect(verdicts([100, 0, 0, 0], [104, 2, 4, 4], [104, 2, 4, 4])).toEqual([undefined, undefined, { begun: 0, ended: 2 }]);
});

it('begins anew after a reset', () => {
  const detector = new LossDetector();
  detector.compare({ sessionsEver: 100, sessionsUp: 0 }, { created: 0, up: 0 });
  detector.compare({ sessionsEver: 103, sessionsUp: 0 }, { created: 0, up: 0 });
  detector.reset();
  expect(detector.compare({ sessionsEver: 104, sessionsUp: 0 }, { created: 0, up: 0 })).toBeUndefined();
  expect(detector.compare({ sessionsEver: 104, sessionsUp: 0 }, { created: 0, up: 0 })).toBeUndefined();
});

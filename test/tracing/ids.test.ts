import fc from 'fast-check';
import { appendSpanId, attemptSpanId, eventSpanId, isSampled, traceIdOf, traceparentOf } from '../../src/tracing/ids.js';

const flows = fc.uuid();
const shares = fc.double({ min: 0, max: 1, noNaN: true });

it('a trace is named by its flow, in the form of W3C Trace Context', () => {
  fc.assert(fc.property(flows, fc.uuid(), fc.nat(30), fc.boolean(), (flow, delivery, attempt, sampled) => {
    expect(traceparentOf(traceIdOf(flow), attemptSpanId(delivery, attempt), sampled)).toMatch(sampled ? /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01$/ : /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  }));
});

it('is the same in every version of the daemon', () => {
  const [flow, delivery] = ['7cc17366-b8fb-4855-b285-3a0041cb9a8f', '6d0a1c1e-6a43-8f6a-9a3b-58c02c3a1f0e'];
  expect([traceIdOf(flow), eventSpanId('pbx-1', flow, 1), appendSpanId(delivery), attemptSpanId(delivery, 1)])
    .toEqual(['429d38e89e3d37fc1445e49a3d23f541', '05793e9ac24afe1a', '3489c67668fba969', '88d1ec3d3828bf7f']);
});

it('no two things have the same name', () => {
  fc.assert(fc.property(flows, fc.uuid(), fc.integer({ min: 1, max: 1_000 }), (flow, delivery, number) => {
    const names = [
      eventSpanId('a', flow, number), eventSpanId('b', flow, number), eventSpanId('a', flow, number + 1), eventSpanId('a', delivery, number), eventSpanId(`a${flow}`, '', number),
      appendSpanId(delivery), appendSpanId(flow), attemptSpanId(delivery, number), attemptSpanId(delivery, number + 1), attemptSpanId(flow, number), traceIdOf(flow), traceIdOf(delivery),
    ];
    expect(new Set(names).size).toBe(names.length);
  }));
});

it('whoever traces a larger share traces also what the others do; all is all and none is none', () => {
  fc.assert(fc.property(flows, shares, shares, (flow, one, other) => {
    const id = traceIdOf(flow);
    if (isSampled(id, Math.min(one, other))) expect(isSampled(id, Math.max(one, other))).toBe(true);
    expect([isSampled(id, 0), isSampled(id, 1)]).toEqual([false, true]);
  }));
});

it('decides by the last seven bytes, the highest first', () => {
  const id = (randomness: string) => `${'f'.repeat(18)}${randomness}`;
  expect([id('7fffffffffffff'), id('80000000000000'), id('c0000000000000')].map((trace) => [isSampled(trace, 0.5), isSampled(trace, 0.25)])).toEqual([[false, false], [true, false], [true, true]]);
});

it('a share is about that share', () => {
  const sampled = Array.from({ length: 10_000 }, (_, index) => isSampled(traceIdOf(`flow ${index}`), 0.1)).filter(Boolean).length;
  expect(Math.abs(sampled - 1_000)).toBeLessThan(150); // five standard deviations; the flows are always the same
});

import { createLiveFilter, type LiveQuery } from '../../src/http/live-filter.js';
import { LINE_KINDS, type LineKind, type LiveLine } from '../../src/http/live-line.js';

const line = (kind: LineKind, ids: string[], numbers: string[] = [], domain = ''): LiveLine => ({ kind, ids, numbers, domain, domainId: undefined, data: {} });
const filter = (query: Partial<LiveQuery>) => createLiveFilter({ kinds: new Set(LINE_KINDS), ...query });

it('leaves nothing out unless asked', () => {
  expect(LINE_KINDS.map((kind) => filter({})(line(kind, [])))).toEqual([true, true, true]);
});

it('shows the kinds that are asked for, and learns from the others', () => {
  const passes = filter({ kinds: new Set(['delivery'] as const), call: 'flow' });
  expect(passes(line('notice', ['flow', 'leg']))).toBe(false);
  expect(passes(line('delivery', ['leg']))).toBe(true);
});

it.each([
  ['0912345678', '0912345678', true], ['0912345678', '+0912345678', true], ['912345678', '84912345678', true], ['+84 912-345-678', '84912345678', true],
  ['1001', '1001', true], ['1001', '5551001', false], ['912345678', '912345679', false],
])('takes the number %s for %s: %s', (number, candidate, expected) => {
  expect(filter({ number })(line('notice', [], [candidate]))).toBe(expected);
});

it('follows a call from the line on that ties its legs together', () => {
  const passes = filter({ number: '0912345678' });
  expect(passes(line('event', ['b-leg']))).toBe(false);
  expect(passes(line('event', ['a-leg', ''], ['0912345678']))).toBe(true);
  expect(passes(line('event', ['b-leg', 'a-leg']))).toBe(true);
  expect(passes(line('event', ['b-leg']))).toBe(true);
  expect(passes(line('event', ['other', '']))).toBe(false);
});

it('asks for all that is asked for', () => {
  const passes = filter({ number: '1001', domain: 'a.test' });
  expect(passes(line('notice', ['1'], ['1001'], 'b.test'))).toBe(false);
  expect(passes(line('notice', ['2'], ['1002'], 'a.test'))).toBe(false);
  expect(passes(line('notice', ['3'], ['1001'], 'a.test'))).toBe(true);
});

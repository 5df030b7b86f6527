import { rangeOf } from '../../src/recordings/range.js';

const part = (from: number, to: number) => ({ kind: 'part', from, to });
const all = { kind: 'all' };
const unsatisfiable = { kind: 'unsatisfiable' };

it.each<[string | undefined, number, object]>([
  [undefined, 10, all], ['bytes=0-3', 10, part(0, 3)], ['bytes=4-', 10, part(4, 9)], ['bytes=-3', 10, part(7, 9)], ['bytes=-30', 10, part(0, 9)], ['bytes=9-9', 10, part(9, 9)],
  ['bytes=5-500', 10, part(5, 9)], ['Bytes=0-0', 10, part(0, 0)], ['bytes=10-', 10, unsatisfiable], ['bytes=99999999999999999999-', 10, unsatisfiable], ['bytes=-0', 10, unsatisfiable],
  ['bytes=0-', 0, unsatisfiable], ['bytes=-5', 0, all], ['bytes=3-1', 10, all], ['bytes=0-1,3-4', 10, all], ['lines=0-3', 10, all], ['bytes=-', 10, all], ['bytes=a-b', 10, all], ['bytes=0x1-2', 10, all],
])('%j of %d bytes', (header, size, wanted) => {
  expect(rangeOf(header, size)).toEqual(wanted);
});

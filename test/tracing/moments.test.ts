import { momentsOf } from '../../src/tracing/moments.js';

it('the phases of a POST stand one after another, those that did not happen are left out', () => {
  expect(momentsOf({ dnsMs: 1, connectMs: 2, tlsMs: 4, firstByteMs: 8, totalMs: 16 }, 1_000)).toEqual([
    { name: 'dns', atMs: 1_001, tookMs: 1 }, { name: 'connect', atMs: 1_003, tookMs: 2 }, { name: 'tls', atMs: 1_007, tookMs: 4 }, { name: 'first_byte', atMs: 1_015, tookMs: 8 },
  ]);
  expect(momentsOf({ firstByteMs: 8, totalMs: 16 }, 0)).toEqual([{ name: 'first_byte', atMs: 8, tookMs: 8 }]);
  expect(momentsOf({ totalMs: 16 }, 0)).toEqual([]);
});

it('none comes after the end', () => {
  expect(momentsOf({ connectMs: 5, firstByteMs: 5.5, totalMs: 10 }, 0).at(-1)).toEqual({ name: 'first_byte', atMs: 10, tookMs: 5.5 });
});

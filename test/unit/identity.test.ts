import { deliveryId, laneKey, urlKey } from '../../src/webhook/identity.js';

const parts: [string, string, string, string] = ['11111111-1111-4111-8111-111111111111', 'flow', 'leg', 'ringing'];

describe('deliveryId', () => {
  it('is the same wherever and whenever it is made', () => {
    expect(deliveryId(...parts)).toBe('fe0bc634-60af-8380-b048-de13606a320b');
  });

  it('is a UUID of version 8', () => {
    for (let i = 0; i < 100; i += 1) expect(deliveryId('s', 'f', `leg ${i}`, 'cdr')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it.each([0, 1, 2, 3])('differs where part %i differs', (index) => {
    const other = parts.with(index, 'other') as typeof parts;
    expect(deliveryId(...other)).not.toBe(deliveryId(...parts));
  });

  it('keeps its parts apart, whatever they contain', () => {
    expect(deliveryId('a', 'b","c', 'd', 'e')).not.toBe(deliveryId('a', 'b', 'c","d', 'e'));
    expect(deliveryId('ab', 'c', 'd', 'e')).not.toBe(deliveryId('a', 'bc', 'd', 'e'));
  });
});

describe('laneKey and urlKey', () => {
  it('are signed 64-bit numbers', () => {
    for (let i = 0; i < 100; i += 1) {
      for (const key of [laneKey('http://a', `flow ${i}`), urlKey(`http://${i}`)]) expect(BigInt.asIntN(64, BigInt(key)).toString()).toBe(key);
    }
  });

  it('make a lane of URL and flow together', () => {
    const keys = [laneKey('http://a', '1'), laneKey('http://a', '2'), laneKey('http://b', '1'), laneKey('http://a1', ''), urlKey('http://a')];
    expect(new Set(keys).size).toBe(keys.length);
  });
});

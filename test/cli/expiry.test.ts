import { parseExpiry } from '../../src/cli/expiry.js';

const now = new Date('2027-02-27T10:00:00Z');

it.each([
  ['1', '2027-02-28T10:00:00.000Z'],
  ['365', '2028-02-27T10:00:00.000Z'],
  ['2027-02-27', '2027-02-28T00:00:00.000Z'],
  ['2028-02-29', '2028-03-01T00:00:00.000Z'],
  ['2027-03-01T12:00:00+02:00', '2027-03-01T10:00:00.000Z'],
])('%s ends at %s', (text, at) => {
  expect(parseExpiry(text, now)?.toISOString()).toBe(at);
});

it.each(['0', '-1', '1.5', '36501', '', 'soon', '2027-02-26', '2027-02-30', '2027-13-01', '2027-03-01T12:00', '2027-02-27T09:59:59Z', '9'.repeat(400)])('%j is no time to come', (text) => {
  expect(parseExpiry(text, now)).toBeUndefined();
});

import type { SwitchEvent } from '../../src/calls/event.js';
import { readEvent } from '../../src/esl/switch-event.js';

const read = (json: string) => readEvent(Buffer.from(json), 'pbx1', 42);
function eventOf(json: string): SwitchEvent {
  const got = read(json);
  if (got.kind !== 'event') throw new Error(got.why);
  return got.event;
}

it('names what orders and identifies an event', () => {
  expect(eventOf('{"Event-Name":"CUSTOM","Event-Subclass":"callcenter::info","Core-UUID":"c","Event-Sequence":"852176","Event-Date-Timestamp":"1795348700916473"}'))
    .toMatchObject({ switchName: 'pbx1', name: 'CUSTOM', subclass: 'callcenter::info', coreId: 'c', sequence: 852_176, timestampUs: 1_795_348_700_916_473, receivedAtMs: 42 });
});

it.each([
  ['a missing number is 0', '{"Event-Name":"E"}'],
  ['a number that is none is 0', '{"Event-Name":"E","Event-Sequence":"soon","Event-Date-Timestamp":"-3"}'],
  ['a number beyond every number is 0', '{"Event-Name":"E","Event-Sequence":"99999999999999999999","Event-Date-Timestamp":"1e400"}'],
  ['an object is no number', '{"Event-Name":"E","Event-Sequence":{},"Event-Date-Timestamp":[]}'],
])('%s', (_rule, json) => {
  expect(eventOf(json)).toMatchObject({ sequence: 0, timestampUs: 0 });
});

it.each([
  ['a string is itself', '"v"', 'v'],
  ['of a list the first entry counts', '["first","second"]', 'first'],
  ['an empty list is absent', '[]', undefined],
  ['a list of objects is absent', '[{}]', undefined],
  ['a number is its text', '7', '7'],
  ['a boolean is its text', 'true', 'true'],
  ['an object is absent', '{"a":1}', undefined],
  ['null is absent', 'null', undefined],
])('%s', (_rule, value, expected) => {
  expect(eventOf(`{"Event-Name":"E","h":${value}}`).get('h')).toBe(expected);
});

it('does not let variables shadow the headers of the event', () => {
  const event = eventOf('{"Event-Name":"CHANNEL_CREATE","Event-Sequence":"1","Core-UUID":"c","variable_Event-Name":"REQUEST_PARAMS","variable_Event-Sequence":"9","variable_Core-UUID":"other"}');
  expect(event).toMatchObject({ name: 'CHANNEL_CREATE', sequence: 1, coreId: 'c' });
  expect(event.get('variable_Event-Name')).toBe('REQUEST_PARAMS');
});

it('lets the second Hangup-Cause win', () => {
  expect(eventOf('{"Event-Name":"E","Hangup-Cause":"A","Hangup-Cause":"B"}').get('Hangup-Cause')).toBe('B');
});

it('knows no header that the event does not have, whatever objects inherit', () => {
  const event = eventOf('{"Event-Name":"E","__proto__":{"Unique-ID":"forged","polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}}}');
  for (const name of ['Unique-ID', 'polluted', 'toString', 'constructor', '__proto__', 'hasOwnProperty']) expect(event.get(name)).toBeUndefined();
  expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
});

it.each([
  ['no JSON', '{"Event-Name":}', 'bad-json'],
  ['a list', '[{"Event-Name":"E"}]', 'bad-json'],
  ['a bare value', '"E"', 'bad-json'],
  ['null', 'null', 'bad-json'],
  ['nothing', '', 'bad-json'],
  ['nested ten thousand deep', `${'['.repeat(10_000)}{}`, 'bad-json'],
  ['no name', '{"Unique-ID":"u"}', 'no-event-name'],
  ['an empty name', '{"Event-Name":""}', 'no-event-name'],
  ['a name that is an object', '{"Event-Name":{"a":1}}', 'no-event-name'],
])('an event of %s is malformed, and nothing is thrown', (_what, json, why) => {
  expect(read(json)).toEqual({ kind: 'malformed', why });
});

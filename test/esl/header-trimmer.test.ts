import fc from 'fast-check';
import { HeaderTrimmer } from '../../src/esl/header-trimmer.js';
import { readEvent } from '../../src/esl/switch-event.js';
import { recordedCalls } from '../support/goldens.js';
import { fixtureRecording } from '../support/recording.js';

const recordings = await Promise.all((await recordedCalls()).map((name) => fixtureRecording(name)));
const bodies = recordings.flatMap(({ events }) => events.map(({ frame }) => frame.subarray(frame.indexOf('\n\n') + 2)));
const ofChannels = bodies.filter((body) => body.includes('"Event-Name":"CHANNEL_'));

const WANTED = ['Event-Name', 'Unique-ID', 'Event-Sequence', 'Caller-Caller-ID-Name', 'variable_sip_call_id', 'variable_presence_id', 'Hangup-Cause'];
const trimmer = new HeaderTrimmer(WANTED);

function trimmed(body: Buffer, start = 0): Buffer {
  const into = Buffer.alloc(start + body.length, '#');
  const end = trimmer.trim(body, into, start);
  expect(into.subarray(0, start).toString()).toBe('#'.repeat(start));
  return into.subarray(start, end);
}

/** What a reader makes of it, as far as anybody wants to know. */
function told(body: Buffer): unknown {
  const read = readEvent(body, 'pbx', 1);
  return read.kind === 'malformed' ? read : [read.event.name, ...WANTED.map((header) => read.event.get(header))];
}

it('leaves of a channel\'s event what is wanted, and less than a quarter of its bytes', () => {
  expect(ofChannels.length).toBeGreaterThan(300);
  for (const body of ofChannels) expect(told(trimmed(body, 3))).toEqual(told(body));
  const bytes = (all: Buffer[]) => all.reduce((sum, { length }) => sum + length, 0);
  expect(bytes(ofChannels.map((body) => trimmed(body)))).toBeLessThan(bytes(ofChannels) / 4);
  expect(Object.keys(JSON.parse(trimmed(ofChannels[0]!).toString()) as object).length).toBeLessThan(WANTED.length + 3);
});

it('leaves everything else as it is', () => {
  const others = [...bodies.filter((body) => !ofChannels.includes(body)), ...['', '{}', '{"Event-Name":"CHANNEL_', '{"Unique-ID":"u","Event-Name":"CHANNEL_ANSWER"}', '{"Event-Name":"CHANNEL_ANSWER","Unique-ID":7,"x":"y"}'].map((text) => Buffer.from(text))];
  expect(others.length).toBeGreaterThan(5);
  for (const body of others) expect(trimmed(body).equals(body)).toBe(true);
});

it('keeps lists, escapes, bytes that are no UTF-8, and of a header that comes twice both', () => {
  const text = '{"Event-Name":"CHANNEL_ANSWER","a":"b","Unique-ID":["one","two"],"Caller-Caller-ID-Name":"Nguy\\u1ec5n \\"\xe9","x":[],"Unique-ID":"three"}';
  expect(trimmed(Buffer.from(text, 'latin1')).toString('latin1')).toBe('{"Event-Name":"CHANNEL_ANSWER","Unique-ID":["one","two"],"Caller-Caller-ID-Name":"Nguy\\u1ec5n \\"\xe9","Unique-ID":"three"}');
});

it('changes nothing that is told, whatever happened to the bytes', () => {
  const SHARDS = ['"', '\\', '\\"', '\\u00e9', '\\x', '\n', '\0', 'é', ',', ':', '{', '}', '[', ']', '["a","b"]', '[]', '"Unique-ID":"b",', 'null', ' '];
  const short = ofChannels.filter(({ length }) => length < 8_000).slice(0, 200);
  fc.assert(fc.property(fc.constantFrom(...short), fc.nat(8_000), fc.nat(3), fc.constantFrom(...SHARDS), (body, at, cut, shard) => {
    const where = at % (body.length + 1);
    const harmed = Buffer.concat([body.subarray(0, where), Buffer.from(shard), body.subarray(where + cut)]);
    expect(told(trimmed(harmed))).toEqual(told(harmed));
  }), { numRuns: 1_000 });
});

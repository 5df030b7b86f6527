import fc from 'fast-check';
import { HeaderTable } from '../../src/esl/header-table.js';
import { createEventReader, readEvent } from '../../src/esl/switch-event.js';
import { recordedCalls } from '../support/goldens.js';
import { fixtureRecording } from '../support/recording.js';

const bodyOf = (frame: Buffer) => frame.subarray(frame.indexOf('\n\n') + 2);
const recordings = await Promise.all((await recordedCalls()).map((name) => fixtureRecording(name)));
const bodies = recordings.flatMap(({ events }) => events.map(({ frame }) => bodyOf(frame)));
const short = bodies.filter(({ length }) => length < 8_000).slice(0, 200);

/** Every header that JSON.parse finds, and some that are not there. */
function headersOf(body: Buffer): string[] {
  try {
    return [...Object.keys(JSON.parse(body.toString()) as object), 'constructor', '', 'variable_nobody_sets_this'];
  } catch {
    return [];
  }
}

const fromBytes = createEventReader();

/** What is read of a body: from its bytes, or of its text by JSON.parse. */
function toldBy(body: Buffer | string, headers: readonly string[]): unknown {
  const read = typeof body === 'string' ? readEvent(body, 'pbx', 1) : fromBytes(body, 'pbx', 1);
  if (read.kind === 'malformed') return read;
  const { name, subclass, coreId, sequence, timestampUs } = read.event;
  return { name, subclass, coreId, sequence, timestampUs, values: headers.map((header) => [header, read.event.get(header)]) };
}

it('understands everything that a switch was recorded to say', () => {
  const table = new HeaderTable();
  expect(bodies.length).toBeGreaterThan(300);
  expect(bodies.filter((body) => !table.read(body))).toEqual([]);
});

it('finds in every recorded event what JSON.parse finds', () => {
  for (const body of bodies) expect(toldBy(body, headersOf(body))).toEqual(toldBy(body.toString(), headersOf(body)));
});

it('finds what JSON.parse finds, or refuses what it refuses, whatever happened to the bytes', () => {
  const SHARDS = ['"', '\\', '\\"', '\\u00e9', '\\ud83d', '\\x', '\n', '\0', 'é', '\xff', ',', ':', '{', '}', '[', ']', '["a","b"]', '[]', '"a":"b",', 'null', '7', ' '];
  const harm = fc.record({ body: fc.constantFrom(...short), at: fc.nat(8_000), cut: fc.nat(3), shard: fc.constantFrom(...SHARDS), encoding: fc.constantFrom('utf8' as const, 'latin1' as const) });
  fc.assert(fc.property(harm, ({ body, at, cut, shard, encoding }) => {
    const where = at % (body.length + 1);
    const harmed = Buffer.concat([body.subarray(0, where), Buffer.from(shard, encoding), body.subarray(where + cut)]);
    const headers = [...headersOf(harmed), ...headersOf(body)];
    expect(toldBy(harmed, headers)).toEqual(toldBy(harmed.toString(), headers));
  }), { numRuns: 1_000 });
});

it('finds the headers of any flat object, as many as there are', () => {
  const value = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), fc.array(fc.string(), { maxLength: 3 }), fc.integer(), fc.constant(null), fc.boolean());
  fc.assert(fc.property(fc.dictionary(fc.string(), value, { maxKeys: 40 }), (record) => {
    const body = Buffer.from(JSON.stringify({ 'Event-Name': 'E', ...record }));
    expect(toldBy(body, headersOf(body))).toEqual(toldBy(body.toString(), headersOf(body)));
  }), { numRuns: 1_000 });
  const many = Buffer.from(JSON.stringify(Object.fromEntries([['Event-Name', 'E'], ...Array.from({ length: 3_000 }, (_, index) => [`variable_${index}`, String(index)])])));
  expect(toldBy(many, headersOf(many))).toEqual(toldBy(many.toString(), headersOf(many)));
});

it('answers for an event that was kept, when others have been read and its memory was used again', () => {
  const read = createEventReader();
  const body = Buffer.from(bodies[0]!);
  const got = read(body, 'pbx', 1);
  if (got.kind !== 'event') throw new Error(got.why);
  got.event.keep?.();
  body.fill(0);
  for (const other of bodies.slice(1, 20)) read(other, 'pbx', 1);
  const record = JSON.parse(bodies[0]!.toString()) as Record<string, string>;
  expect(['Unique-ID', 'Core-UUID', 'Event-Name'].map((header) => got.event.get(header))).toEqual([record['Unique-ID'], record['Core-UUID'], record['Event-Name']]);
});

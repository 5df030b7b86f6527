import { FrameReader, type FrameLimits } from '../../src/esl/frame-reader.js';
import { readEvent } from '../../src/esl/switch-event.js';
import { answerFrame, eventFrame, noticeFrame, rejectionFrame, replyFrame } from '../../src/esl/wire.js';
import { fixtureRecording } from '../support/recording.js';

const FRAMES = Number(process.env.FUZZ_FRAMES ?? 20_000);
const SEED = Number(process.env.FUZZ_SEED ?? 1);
const LIMITS: FrameLimits = { maxBodyBytes: 20_000, maxHeaderBytes: 8_192 };
const LONGEST_CHUNK = 3_000;

/** A small generator of chance that gives the same numbers for the same seed (xorshift, 32 bits). */
function chanceFrom(seed: number) {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  return (below: number) => {
    state ^= state << 13; state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5; state >>>= 0;
    return state % below;
  };
}
type Chance = ReturnType<typeof chanceFrom>;

const SHARDS = ['\n', '\n\n', '{', '}', '%', ':', '"', '\0', '\xff', 'Content-Length: ', 'Content-Type: ', 'Content-Length: 99\n', 'Content-Length: 999999999999\n',
  'Content-Type: text/event-json\n', 'Content-Length: -1\n', '__proto__', 'Content-Type: text/event-json\n\n'];

const mutations: ((frame: Buffer, chance: Chance, other: Buffer) => Buffer)[] = [
  (frame, chance) => frame.subarray(0, chance(frame.length)),
  (frame, chance) => frame.subarray(chance(frame.length)),
  (frame, chance) => { const copy = Buffer.from(frame); for (let n = chance(8); n >= 0; n -= 1) copy[chance(copy.length)] = chance(256); return copy; },
  (frame, chance) => { const at = chance(frame.length); return Buffer.concat([frame.subarray(0, at), frame.subarray(at + chance(60))]); },
  (frame, chance) => { const at = chance(Math.min(frame.length, 120)); return Buffer.concat([frame.subarray(0, at), Buffer.from(SHARDS[chance(SHARDS.length)]!, 'latin1'), frame.subarray(at)]); },
  (frame, chance, other) => { const at = chance(frame.length); return Buffer.concat([frame.subarray(0, at), other, frame.subarray(at)]); },
  (frame, chance, other) => Buffer.concat([frame.subarray(0, chance(frame.length)), other.subarray(chance(other.length))]),
  (frame, chance) => Buffer.from(frame.toString('latin1').replace(/Content-Length: \d+/, `Content-Length: ${chance(2) ? chance(400) : chance(1_000_000)}`), 'latin1'),
  (_frame, chance) => Buffer.from(Array.from({ length: chance(9_000) }, () => chance(256))),
  (frame) => frame,
];

it(`survives ${FRAMES} mutated frames: never throws, holds little, and reads what comes after`, async () => {
  const chance = chanceFrom(SEED);
  const recorded = (await fixtureRecording('calls/16-click2call-bridge')).events.map(({ frame }) => frame).filter(({ length }) => length < 6_000);
  const frames = [...recorded, replyFrame('+OK 100%25'), answerFrame('{"row_count": 0}\n'), answerFrame('x'.repeat(900)), noticeFrame('goodbye'), rejectionFrame(), eventFrame('{"Event-Name":"HEARTBEAT"}')];

  let sequence = 0;
  let lastRead = 0;
  const newReader = () => new FrameReader({
    onFrame(header, body) {
      const read = header.contentType === 'text/event-json' ? readEvent(body, 's', 0) : undefined;
      if (read?.kind === 'event' && read.event.name === 'CLEAN') lastRead = read.event.sequence;
    },
    onMalformed() {},
  }, LIMITS);
  const clean = () => eventFrame(JSON.stringify({ 'Event-Name': 'CLEAN', 'Event-Sequence': String(++sequence), pad: 'x'.repeat(chance(300)) }));

  let reader = newReader();
  for (let n = 0; n < FRAMES; n += 1) {
    const [frame, other] = [frames[chance(frames.length)]!, frames[chance(frames.length)]!];
    const mutated = mutations[chance(mutations.length)]!(frame, chance, other);
    // The first of the two may fall into the body of an answer whose length lies; the second must always be found.
    const stream = Buffer.concat([mutated, clean(), clean()]);
    for (let at = 0; at < stream.length;) {
      const length = 1 + chance(LONGEST_CHUNK);
      reader.push(Buffer.from(stream.subarray(at, at + length)));
      at += length;
      if (reader.heldBytes > 4 * (LIMITS.maxBodyBytes + LONGEST_CHUNK)) throw new Error(`frame ${n}: holds ${reader.heldBytes} bytes`);
    }
    if (lastRead !== sequence) throw new Error(`frame ${n} of seed ${SEED}: the clean frame after it was not read: ${JSON.stringify(mutated.toString('latin1').slice(0, 300))}`);
    if (chance(50) === 0) {
      reader.end();
      reader = newReader();
    }
  }
  expect(lastRead).toBe(2 * FRAMES);
}, 3_600_000);

import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { FrameReader } from './frame-reader.js';
import { readEvent } from './switch-event.js';
import { eventFrame, replyFrame } from './wire.js';

/** What a switch once sent to a listener: its events, each with the moment at which its last byte arrived. */
export interface Recording {
  readonly events: readonly RecordedEvent[];
}

export interface RecordedEvent {
  /** From the first byte of the recording. */
  readonly atMs: number;
  readonly name: string;
  /** Of a CUSTOM event, else ''. */
  readonly subclass: string;
  /** The whole frame, byte for byte. */
  readonly frame: Buffer;
}

/** Milliseconds from the first byte, and how many bytes arrived then. */
export type Arrival = readonly [atMs: number, bytes: number];

const unzip = promisify(gunzip);

const GZIP = Buffer.from([0x1f, 0x8b]);

/** Reads a recording, zipped or not, and beside a `NAME.esl.gz` its `NAME.timing.json.gz` where it exists; rejects for a file that is not there or no recording. */
export async function readRecording(path: string): Promise<Recording> {
  const file = await readFile(path);
  const bytes = file.subarray(0, GZIP.length).equals(GZIP) ? await unzip(file) : file;
  return splitRecording(bytes, path.endsWith('.esl.gz') ? await readArrivals(path.replace(/\.esl\.gz$/, '.timing.json.gz')) : []);
}

/** The events of a recorded byte stream. Without arrivals their time is the switch's own, at which each was made. */
export function splitRecording(bytes: Buffer, arrivals: readonly Arrival[] = []): Recording {
  const events: RecordedEvent[] = [];
  const arrivedAt = clockOf(arrivals);
  let read = 0;
  let firstUs: number | undefined;
  const reader = new FrameReader({
    onFrame(header, body) {
      if (header.contentType === 'command/reply') read += replyFrame(header.replyText).length;
      if (header.contentType !== 'text/event-json') return;
      const event = readEvent(body, '', 0);
      if (event.kind !== 'event') throw new Error(`A recorded event cannot be read: ${event.why}`);
      const { name, subclass, timestampUs } = event.event;
      firstUs ??= timestampUs;
      const frame = eventFrame(body);
      read += frame.length;
      const atMs = arrivedAt(read) ?? Math.max(events.at(-1)?.atMs ?? 0, (timestampUs - firstUs) / 1_000);
      events.push({ atMs, name, subclass, frame });
    },
    onMalformed(kind) { throw new Error(`A recording must be whole: ${kind}`); },
  });
  reader.push(bytes);
  reader.end();
  return { events };
}

/** When byte number `position` arrived; asked with growing positions only. */
function clockOf(arrivals: readonly Arrival[]): (position: number) => number | undefined {
  let next = 0;
  let received = 0;
  let atMs: number | undefined;
  return (position) => {
    while (received < position && next < arrivals.length) {
      const [arrivedAtMs, bytes] = arrivals[next++]!;
      received += bytes;
      atMs = arrivedAtMs;
    }
    return atMs;
  };
}

async function readArrivals(path: string): Promise<Arrival[]> {
  try {
    return JSON.parse((await unzip(await readFile(path))).toString()) as Arrival[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new Error(`${path} cannot be read`, { cause: error });
  }
}

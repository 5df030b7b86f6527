import type { Clock } from '../clock.js';
import { endOf } from './replay-hangup.js';
import { dumpOf, rowOf } from './replay-shown.js';
import { bodyOf, type EventRecord } from './wire.js';

/** A channel that is up, with the frames that told of it first and last. They are read only when somebody asks. */
interface Channel { readonly first: Buffer; last: Buffer; playedAtMs: number }

const UUID = Buffer.from('"Unique-ID":"');
const NAME = Buffer.from('"Event-Name":"');

/** What a replayed switch knows of its channels: from what it plays, whoever hears it. */
export class ReplayedChannels {
  readonly #channels = new Map<string, Channel>();
  readonly #clock: Clock;
  #sinceStartup = 0;

  constructor(clock: Clock) { this.#clock = clock; }

  get count(): number { return this.#channels.size; }

  /** Channels that were ever up. */
  get sinceStartup(): number { return this.#sinceStartup; }

  /** Goes by one event that is played now. Only CHANNEL_CREATE makes a channel: what comes late after its end brings none back. */
  note(frame: Buffer): void {
    const name = valueAfter(NAME, frame);
    const uuid = valueAfter(UUID, frame);
    if (uuid === undefined || !name?.startsWith('CHANNEL_')) return;
    const channel = this.#channels.get(uuid);
    const playedAtMs = this.#clock.monotonicMs();
    if (name === 'CHANNEL_DESTROY') {
      this.#channels.delete(uuid);
    } else if (channel) {
      channel.last = frame;
      channel.playedAtMs = playedAtMs;
    } else if (name === 'CHANNEL_CREATE') {
      this.#channels.set(uuid, { first: frame, last: frame, playedAtMs });
      this.#sinceStartup += 1;
    }
  }

  forget(): void {
    this.#channels.clear();
    this.#sinceStartup = 0;
  }

  /** The answer to `show channels as json`. */
  show(): Buffer {
    if (this.#channels.size === 0) return Buffer.from('{"row_count": 0}\n');
    const rows = [...this.#channels.values()].map(({ first, last }) => rowOf(readFrame(first), readFrame(last)));
    return written({ row_count: rows.length, rows });
  }

  /** The answer to `uuid_dump … json`. */
  dump(uuid: string, sequence: number): Buffer | string {
    const channel = this.#channels.get(uuid);
    return channel ? written(dumpOf(readFrame(channel.last), { sequence, atUs: this.#nowUs(channel) })) : '-ERR No such channel!\n';
  }

  /** What an orderly shutdown says of all that is up: the hangups of all, then the end of each. `sequence` numbers the events. */
  hangUpAll(sequence: () => number): { hangups: Buffer[]; ends: Buffer[] } {
    const parts = [...this.#channels.values()].map((channel) => endOf(readFrame(channel.last), 'SYSTEM_SHUTDOWN', this.#nowUs(channel), sequence));
    return { hangups: parts.map(({ hangup }) => written(hangup)), ends: parts.flatMap(({ ends }) => ends.map(written)) };
  }

  /** The recorded call's own time: what was played keeps its old times, and what is said of it now must lie behind them. */
  #nowUs({ last, playedAtMs }: Channel): number {
    return Number(readFrame(last)['Event-Date-Timestamp']) + Math.round((this.#clock.monotonicMs() - playedAtMs) * 1_000);
  }
}

function valueAfter(key: Buffer, frame: Buffer): string | undefined {
  const at = frame.indexOf(key);
  return at < 0 ? undefined : frame.toString('latin1', at + key.length, frame.indexOf('"', at + key.length));
}

/** One character a byte, both ways: names that are not UTF-8 stay as they were. */
function readFrame(frame: Buffer): EventRecord { return JSON.parse(bodyOf(frame).toString('latin1')) as EventRecord; }

function written(value: object): Buffer { return Buffer.from(JSON.stringify(value), 'latin1'); }

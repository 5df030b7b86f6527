import type { RecordedEvent, Recording } from './recording.js';
import { channelsIn } from './renew.js';
import { bodyOf } from './wire.js';

/** A recording taken apart. */
export interface RecordedCalls {
  /** Each call by itself, its first event at 0 ms; in the order in which they began. */
  readonly calls: readonly Recording[];
  /** Calls that the recording does not have from their beginning to their end, and that are left out. */
  readonly partial: number;
}

/** What is known of one call: places in the recording, and channels by what was heard of them. */
interface Call { readonly at: number[]; readonly named: Set<string>; readonly heard: Set<string>; readonly begun: Set<string>; readonly ended: Set<string> }

/** Takes a recording apart into its calls: channels that name each other belong together. What names no channel, such as heartbeats, is left out. */
export function takeApart({ events }: Recording): RecordedCalls {
  const byChannel = new Map<string, Call>();
  events.forEach(({ name, frame }, index) => {
    const text = bodyOf(frame).toString('latin1');
    const channels = channelsIn(text);
    if (channels.length === 0) return;
    const call = join(channels, byChannel);
    call.at.push(index);
    const own = /"Unique-ID":"([^"]+)"/.exec(text)?.[1];
    if (own === undefined || !name.startsWith('CHANNEL_')) return;
    call.heard.add(own);
    if (name === 'CHANNEL_CREATE') call.begun.add(own);
    if (name === 'CHANNEL_DESTROY') call.ended.add(own);
  });
  const all = [...new Set(byChannel.values())];
  const places = all.filter(isWhole).map(({ at }) => at.sort((a, b) => a - b)).sort(([a = 0], [b = 0]) => a - b);
  return { calls: places.map((at) => fromZero(at.map((index) => events[index]!))), partial: all.length - places.length };
}

/** The call that these channels belong to; where they belonged to several, these are one from now on. */
function join(channels: readonly string[], byChannel: Map<string, Call>): Call {
  const known = [...new Set(channels.flatMap((channel) => byChannel.get(channel) ?? []))];
  const into = known[0] ?? { at: [], named: new Set(), heard: new Set(), begun: new Set(), ended: new Set() };
  for (const other of known.slice(1)) {
    into.at.push(...other.at);
    for (const set of ['named', 'heard', 'begun', 'ended'] as const) for (const channel of other[set]) into[set].add(channel);
    for (const channel of other.named) byChannel.set(channel, into);
  }
  for (const channel of channels) {
    into.named.add(channel);
    byChannel.set(channel, into);
  }
  return into;
}

function isWhole({ heard, begun, ended }: Call): boolean {
  return heard.size > 0 && [...heard].every((channel) => begun.has(channel) && ended.has(channel));
}

function fromZero(events: readonly RecordedEvent[]): Recording {
  const firstMs = events[0]!.atMs;
  return { events: events.map((event) => ({ ...event, atMs: event.atMs - firstMs })) };
}

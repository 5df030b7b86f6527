import { randomUUID } from 'node:crypto';
import type { Recording } from './recording.js';
import { bodyOf, eventFrame } from './wire.js';

export interface Renewed {
  readonly recording: Recording;
  /** Every channel uuid of the old recording and its new one, to read the old one's expectations by. */
  readonly uuids: ReadonlyMap<string, string>;
}

export interface RenewOptions {
  /** Added to every Event-Sequence, so that several calls of one recording look like the later and later calls of one switch. */
  sequenceShift?: number;
  newUuid?: () => string;
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

// Headers whose value is the uuid of a channel, of this leg or another.
const CHANNEL_UUID = new RegExp(
  '"(?:Unique-ID|Channel-Call-UUID|(?:Caller|Other-Leg)-Unique-ID|Bridge-[AB]-Unique-ID|CC-Member-Session-UUID'
  + '|variable_(?:uuid|call_uuid|originator|originating_leg_uuid|bridge_uuid|bridge_to|signal_bond|last_bridge_to|cc_member_session_uuid'
  + '|other_loopback_leg_uuid|loopback_bowout_other_uuid))":"(' + UUID.source + ')"', 'g',
);
/** The uuids of all channels that the headers of an event name, in the text of its body. */
export function channelsIn(text: string): string[] {
  return [...text.matchAll(CHANNEL_UUID)].map(([, uuid]) => uuid!);
}

const EVENT_SEQUENCE = /"Event-Sequence":"(\d+)"/;

/**
 * The same call as a new one: wherever the uuid of a channel stands in the bytes (also inside SIP headers and lists of legs)
 * a fresh uuid of the same length takes its place. Everything else stays, byte for byte, also what is not UTF-8.
 */
export function renew(recording: Recording, { sequenceShift = 0, newUuid = randomUUID }: RenewOptions = {}): Renewed {
  const uuids = new Map<string, string>();
  const texts = recording.events.map(({ frame }) => bodyOf(frame).toString('latin1')); // one character a byte, both ways
  for (const text of texts) {
    for (const uuid of channelsIn(text)) if (!uuids.has(uuid)) uuids.set(uuid, newUuid());
  }
  const events = recording.events.map((event, index) => {
    const renewed = texts[index]!
      .replace(UUID, (uuid) => uuids.get(uuid) ?? uuid)
      .replace(EVENT_SEQUENCE, (_all, sequence: string) => `"Event-Sequence":"${Number(sequence) + sequenceShift}"`);
    return { ...event, frame: eventFrame(Buffer.from(renewed, 'latin1')) };
  });
  return { recording: { events }, uuids };
}

import type { Payload } from '../../src/calls/notice.js';
import type { RecordedEvent } from '../../src/esl/recording.js';
import { renew } from '../../src/esl/renew.js';
import { eventFrame } from '../../src/esl/wire.js';
import type { Score } from './score.js';

/** So many tenants by default. */
export const TENANTS = 8;

/** The domain of a tenant, by his number from 0. */
export const tenantOf = (number: number) => `t${number}.example.test`;

/** A webhook that a call brings about. */
export interface Expected {
  readonly flow: string;
  readonly leg: string;
  readonly callId: string;
  readonly state: Payload['state'];
  /** The index of the event that brings it about, and how long after it the webhook is due. */
  readonly trigger: number;
  readonly afterMs: number;
  /** Its body; times are those of the frames. */
  readonly payload: Payload;
}

/** When an event was played, in milliseconds since 1970. */
export type PlayedAt = number | undefined;

/** One call of a timetable. Everything in it but the times follows from the seed. */
export interface Call {
  readonly index: number;
  /** Among so many tenants; it belongs to the one of its index, and what it has to do with a second one, to the next. */
  readonly tenants: number;
  readonly score: Score;
  /** From the start of the timetable. */
  readonly startMs: number;
  /** Whole seconds to add to the recorded times, so that it happens now. */
  readonly shiftS: number;
  /** Event-Sequence of each event. */
  readonly sequences: readonly number[];
  /** The new uuid of each channel. */
  readonly uuid: (old: string) => string;
  /** Of each event, in the order of the recording; undefined where it has not been played. */
  readonly playedAt: PlayedAt[];
  /** The switch died with it: the rest of it never happens. */
  cut: boolean;
}

/** What the tenants must receive for it, in order of occurrence. */
export function webhooksOf({ score, index, tenants, uuid, shiftS }: Call): Expected[] {
  return score.webhooks.map(({ flow, leg, trigger, afterMs, payload }) => {
    const text = score.uuids.reduce((body, old) => body.replaceAll(old, uuid(old)), forTenants(JSON.stringify(payload), index, tenants));
    const renewed = JSON.parse(text, (name, value: unknown) => (name.startsWith('time_') ? shifted(value as string, shiftS) : value)) as Payload;
    return { flow: uuid(flow), leg: uuid(leg), callId: renewed.call_id, state: renewed.state, trigger, afterMs, payload: renewed };
  });
}

/** Its events as the switch sends them: of other legs, for other tenants, now. */
export function framesOf({ score, index, tenants, uuid, shiftS, sequences }: Call): RecordedEvent[] {
  let renewed = 0;
  const { recording } = renew(score.recording, { newUuid: () => uuid(score.uuids[renewed++]!) });
  return recording.events.map((event, position) => {
    const body = event.frame.subarray(event.frame.indexOf('\n\n') + 2).toString('latin1'); // one character a byte, both ways
    const told = forTenants(body, index, tenants)
      .replace(/"Event-Sequence":"\d+"/, `"Event-Sequence":"${sequences[position]}"`)
      .replace(/"(1\d{9})(\d{6})"/g, (_all, seconds: string, rest: string) => `"${Number(seconds) + shiftS}${rest}"`);
    return { ...event, frame: eventFrame(Buffer.from(told, 'latin1')) };
  });
}

/** Which path of the receiver a webhook goes to. */
export const pathOf = ({ payload: { domain } }: Pick<Expected, 'payload'>) => `/${domain}`;

function forTenants(text: string, index: number, tenants: number): string {
  return text.replaceAll('a.example.test', tenantOf(index % tenants)).replaceAll('b.example.test', tenantOf((index + 1) % tenants));
}

function shifted(stamp: string, shiftS: number): string {
  if (stamp === '') return '';
  return new Date(Date.parse(`${stamp.replace(' ', 'T')}Z`) + shiftS * 1_000).toISOString().slice(0, 19).replace('T', ' ');
}

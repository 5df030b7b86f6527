import type { SwitchEvent } from './event.js';
import type { Flow } from './flow.js';
import type { Synthetic } from './notice.js';
import { absorbRecording, type Recorded } from './recordings.js';
import type { CallRules } from './rules.js';
import { cut } from './cut.js';
import { Variables } from './variables.js';

/** A value and the Event-Sequence of the event that told it. */
export interface Dated { readonly value: string; readonly sequence: number }

/** When something happened at the switch, and in which place among all events. */
export interface Moment { readonly atUs: number; readonly sequence: number }

/** What a leg's CHANNEL_CREATE said. Later events swap and rewrite names and numbers, so only these are believed. */
export interface Birth extends Moment {
  readonly parentId: string | undefined;
  readonly loopback: boolean;
  /** A queue's leg to one of its agents. */
  readonly agent: boolean;
  readonly callerNumber: string;
  /** Absent where the event has none. */
  readonly callerName?: string;
  readonly destination: string;
  /** The number that the parent had been sent to; '' where the event does not say. */
  readonly parentDestination: string;
  readonly dialedUser: string;
  readonly dialedExtension: string;
  readonly context: string;
  readonly sipCallId: string;
  /** Its CREATE was missed: this was read from the channel later, and its sequence is of then. */
  readonly sighted: boolean;
}

export interface HangUp extends Moment {
  readonly cause: string;
  /** Nobody told it: the leg was found to be gone. */
  readonly synthetic?: Synthetic;
}

/** One channel: facts about it, kept whatever the order of their arrival, even before its CREATE. */
export interface Leg {
  readonly id: string;
  readonly firstSeenMs: number;
  /** Core-UUID of the switch's run that it belongs to. */
  coreId: string;
  /** The channel rang in (as opposed to: the switch originated it). */
  inbound: boolean;
  born?: Birth;
  /** The latest value of each watched variable, by Event-Sequence. */
  readonly variables: Variables;
  /** The earliest business direction. */
  direction?: Dated;
  destination?: Dated;
  context?: Dated;
  answered?: Moment;
  /** When it was answered by what any later event says: only believed where its ANSWER may have been missed. */
  answeredBy?: Moment;
  hungUp?: HangUp;
  /** HANGUP_COMPLETE, or the DESTROY that stands for it. */
  completed?: Moment;
  destroyed?: HangUp;
  recordedTo?: string;
  /** What a RECORD_STOP told of, each file once. */
  recordings?: Recorded[];
  /** An ANSWER came while no callee leg was known: an application picked up. */
  answeredAlone: boolean;
  /** While its CREATE is not known, or the leg is held, its last event: the next best thing to a dump, should it end before it is looked at. */
  lastHeard?: SwitchEvent;
  /** The flow that it was born into. */
  flow?: Flow;
  /** Flows of other callers that it was transferred into. */
  joined: readonly Flow[];
  /** Legs that were bridged with it before both were known. */
  bridges: readonly { readonly other: Leg; readonly at: Moment }[];
}

/** For every list that is empty, as most of a leg and a flow are. They grow by `concat`, which makes them no longer than they must be. */
export const NONE: readonly never[] = Object.freeze([]);

export const newLeg = (id: string, firstSeenMs: number): Leg => ({ id, firstSeenMs, coreId: '', inbound: false, variables: new Variables(), answeredAlone: false, joined: NONE, bridges: NONE });

/** Keeps what any event of the leg says about it; `detail` names further variables, whose values are kept up to a bound. */
export function absorb(leg: Leg, event: SwitchEvent, rules: CallRules, watched: readonly string[], detail: readonly string[] = []): void {
  const { sequence } = event;
  if (event.coreId) leg.coreId = event.coreId;
  const channelDirection = event.get('Call-Direction');
  if (channelDirection) leg.inbound = channelDirection === 'inbound';
  for (const name of watched) {
    const value = event.get(`variable_${name}`);
    if (value) leg.variables.hear(name, value, sequence);
  }
  for (const name of detail) {
    const value = event.get(`variable_${name}`);
    if (value) leg.variables.hear(name, cut(value), sequence);
  }
  for (const name of rules.variables.direction) {
    const value = event.get(`variable_${name}`);
    if (isDirection(value) && (!leg.direction || sequence < leg.direction.sequence)) leg.direction = { value, sequence };
  }
  const destination = event.get('Caller-Destination-Number');
  const context = event.get('Caller-Context');
  if (destination && isLater(sequence, leg.destination)) leg.destination = { value: destination, sequence };
  if (context && isLater(sequence, leg.context)) leg.context = { value: context, sequence };
  const answeredUs = Number(event.get('Caller-Channel-Answered-Time'));
  if (answeredUs > 0) leg.answeredBy ??= { atUs: answeredUs, sequence };
  absorbMoment(leg, event);
}

function absorbMoment(leg: Leg, event: SwitchEvent): void {
  const moment: Moment = { atUs: event.timestampUs, sequence: event.sequence };
  switch (event.name) {
    case 'CHANNEL_ANSWER': leg.answered ??= moment; break;
    case 'CHANNEL_HANGUP': leg.hungUp ??= { ...moment, cause: causeIn(event) }; break;
    case 'CHANNEL_HANGUP_COMPLETE': leg.completed ??= moment; break;
    case 'CHANNEL_DESTROY':
      leg.completed ??= moment;
      leg.destroyed ??= { sequence: event.sequence, cause: causeIn(event), atUs: Number(event.get('Caller-Channel-Hangup-Time')) || event.timestampUs };
      break;
    case 'RECORD_STOP':
      leg.recordedTo = event.get('Record-File-Path') ?? leg.recordedTo ?? '';
      absorbRecording(leg, event, moment);
      break;
    default: break;
  }
}

const causeIn = (event: SwitchEvent) => event.get('Hangup-Cause') ?? event.get('variable_hangup_cause') ?? '';

const isLater = (sequence: number, known: Dated | undefined) => !known || sequence >= known.sequence;

export type Direction = 'inbound' | 'outbound' | 'local';

const isDirection = (value: string | undefined): value is Direction => value === 'inbound' || value === 'outbound' || value === 'local';

/** What a CHANNEL_CREATE says about its leg. */
export function birthOf(event: SwitchEvent, rules: CallRules): Birth {
  const loopback = (event.get('Channel-Name') ?? '').startsWith('loopback/');
  const callerName = event.get('Caller-Caller-ID-Name');
  return {
    atUs: Number(event.get('Caller-Channel-Created-Time')) || event.timestampUs,
    sequence: event.sequence,
    parentId: parentIn(event, loopback),
    loopback,
    agent: event.get('variable_cc_side') === 'agent',
    callerNumber: event.get('Caller-Caller-ID-Number') ?? '',
    ...(callerName && { callerName }),
    destination: event.get('Caller-Destination-Number') ?? '',
    parentDestination: event.get('Other-Leg-Destination-Number') ?? '',
    dialedUser: event.get(`variable_${rules.variables.dialedUser}`) ?? '',
    dialedExtension: event.get(`variable_${rules.variables.dialedExtension}`) ?? '',
    context: event.get('Caller-Context') ?? '',
    sipCallId: event.get('variable_sip_call_id') ?? '',
    sighted: false,
  };
}

/** Who created the leg. Read from its CREATE alone: after a transfer later events name others. */
function parentIn(event: SwitchEvent, loopback: boolean): string | undefined {
  const originator = event.get('Other-Type') === 'originator' ? event.get('Other-Leg-Unique-ID') : undefined;
  const member = event.get('variable_cc_side') === 'agent' ? event.get('variable_cc_member_session_uuid') : undefined;
  const half = loopback && (event.get('Channel-Name') ?? '').endsWith('-b') ? event.get('variable_other_loopback_leg_uuid') : undefined;
  return originator || member || event.get('variable_originator') || half || undefined;
}

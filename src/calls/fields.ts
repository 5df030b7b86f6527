import { applicationOf, endInFlow, extensionOf, firstAnswer, type BornLeg, type Flow, type Voice } from './flow.js';
import type { Direction } from './leg.js';
import type { NoticeState } from './notice.js';
import { recordingOf, type Recorded } from './recordings.js';
import type { CallRules } from './rules.js';

/** What a webhook speaks of: its flow, its state, and the leg whose set of webhooks it belongs to. */
export interface Told {
  readonly flow: Flow;
  readonly state: NoticeState;
  /** The one whose event tells it; the root for the `hangup` of a flow that speaks as one, and for every `cdr`, `missed` and `recording`. */
  readonly leg: BornLeg;
  readonly domain: string;
  readonly direction: Direction;
  readonly voice: Voice;
  /** The one that a `recording` speaks of. */
  readonly recorded?: Recorded | undefined;
}

/** Whether a webhook of that state speaks of the flow as a whole, in every voice. */
export const isOfFlow = (state: NoticeState): boolean => state === 'cdr' || state === 'missed' || state === 'recording';

/** The SIP Call-ID of the root as far as known: a leg that the switch rings has none before it rings. */
export function sipCallIdOf({ flow, state, voice }: Told): string {
  if (voice === 'rung-root' && state === 'ringing') return flow.root.born.sipCallId;
  return flow.root.variables.get('sip_call_id') ?? '';
}

export function fromNumberOf({ flow, voice }: Told): string {
  const { born, inbound } = flow.root;
  return inbound || voice === 'rung-root' ? born.callerNumber : born.destination;
}

export function toNumberOf(told: Told, rules: CallRules): string {
  const { flow, state, leg, direction, voice } = told;
  if (voice === 'rung-root') return flow.root.born.destination;
  if (!flow.root.inbound && applicationOf(flow, rules) === 'click2call') return customerOf(told);
  if (direction === 'outbound') return flow.root.born.destination;
  return isOfFlow(state) ? lastExtensionOf(flow, rules) : extensionOf(leg, rules);
}

/** click2call rings the extension first; the customer is whom it is then connected to. */
function customerOf({ flow, leg }: Told): string {
  const customer = leg === flow.root ? flow.callees[0] : leg;
  return customer ? customer.born.destination : flow.root.born.callerNumber;
}

function lastExtensionOf(flow: Flow, rules: CallRules): string {
  const [only] = flow.callees;
  const leg = firstAnswer(flow)?.leg ?? (flow.many ? undefined : only);
  return leg ? extensionOf(leg, rules) : (flow.root.destination?.value ?? flow.root.born.destination);
}

/** The number of the tenant's that was called, or is shown to the callee. */
export function hotlineOf({ flow, direction, voice }: Told): string {
  if (direction === 'inbound') return flow.root.born.destination;
  if (direction === 'local') return '';
  return (voice === 'rung-root' ? flow.root : flow.callees[0])?.born.callerNumber ?? '';
}

/** When both parties were connected, microseconds; undefined if never. */
export function answeredAt({ flow, state, leg, voice }: Told): number | undefined {
  if (state === 'ringing') return undefined;
  if (voice === 'rung-root') return flow.root.answered?.atUs;
  if (voice === 'flow' || isOfFlow(state)) return firstAnswer(flow)?.at.atUs;
  return flow.joined.find((joined) => joined.leg === leg)?.at.atUs ?? leg.answered?.atUs;
}

/** The end that a `hangup`, `cdr` or extra event shows, microseconds. A leg that outlived its flow ended in it when the root did. */
export function endedAt({ flow, state, leg }: Told, rules: CallRules): number | undefined {
  if (state === 'ringing' || state === 'answered') return undefined;
  return isOfFlow(state) ? flow.root.hungUp?.atUs : endInFlow(flow, leg, rules)?.atUs;
}

/** Where the recording can be heard; '' when the flow names none. */
export function recordingUrlOf({ flow, domain, recorded }: Told, rules: CallRules): string {
  const file = (rules.recordingUrl || rules.recordingLink) && (recorded?.file ?? recordingOf(flow));
  if (!file) return '';
  // By the switch's own time, so that every daemon makes the same link.
  if (rules.recordingLink) return rules.recordingLink({ file, domain, atUs: recorded?.atUs ?? flow.root.hungUp?.atUs ?? flow.root.born.atUs });
  const values: Readonly<Record<string, string>> = { domain, call_id: flow.id, file: file.slice(file.lastIndexOf('/') + 1) };
  return rules.recordingUrl.replace(/\{(domain|call_id|file)\}/g, (_, name: string) => encodeURIComponent(values[name]!));
}

import { answeredAt, fromNumberOf, isOfFlow, recordingUrlOf, type Told } from './fields.js';
import { applicationOf, endInFlow, extensionOf, firstAnswer, onGateway, ownEnd, type BornLeg, type Flow } from './flow.js';
import { hangupPartyOf, type HangupParty } from './hangup-party.js';
import { pickedUpBy, valueOf, type Application } from './picked-up.js';
import { baseName, recordingOf, secondsIn } from './recordings.js';
import type { CallRules } from './rules.js';
import { tellingCauseOf } from './status.js';
import { cut } from './cut.js';

/** Another leg of the call. */
export interface OtherLeg {
  leg_id: string;
  /** `callee` is the customer whom an autocall rings; `gateway` a leg to the outside; `transfer` one that came from another call. */
  role: 'caller' | 'callee' | 'extension' | 'agent' | 'gateway' | 'transfer';
  number?: string;
}

/** What version 2 of the payload has besides the fields of version 1. What is not known, or has not happened, is not there. */
export interface Detail {
  leg_id: string;
  flow_id: string;
  other_legs: OtherLeg[];
  /** The tenant's extension that the webhook is about. */
  extension?: string;
  answered_by?: 'human' | Application;
  /** FreeSWITCH's own word (switch_cause_t). */
  hangup_cause?: string;
  hangup_party?: HangupParty;
  ring_group?: string;
  queue?: string;
  ivr?: string;
  /** The number that the call was transferred to. */
  transferred_to?: string;
  caller_name?: string;
  switch: string;
  recording?: { url?: string; seconds?: number; state: 'pending' | 'ready' };
  /** Those that the operator has chosen, by their names. */
  variables?: Record<string, string>;
}

/** A ring group may be as large as the PBX. */
const MOST_LEGS = 50;

/** What version 2 says at this moment; to be asked before anything else happens to the flow. */
export function detailOf(told: Told, switchName: string, rules: CallRules): Detail {
  const { flow, leg } = told;
  const found: { [F in keyof Detail]: Detail[F] | undefined } = {
    leg_id: leg.id, flow_id: flow.id,
    other_legs: otherLegs(told, rules),
    extension: extensionIn(told, rules),
    answered_by: answeredBy(told, rules),
    ...endOf(told, rules),
    ring_group: valueOf(flow, rules.detail.ringGroup),
    queue: valueOf(flow, rules.detail.queue),
    ivr: valueOf(flow, rules.detail.ivr),
    caller_name: flow.root.born.callerName,
    switch: switchName,
    recording: recordingIn(told, rules),
    variables: chosenVariables(told, rules),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined && value !== '')) as unknown as Detail;
}

/** How it ended; nothing while it has not. */
function endOf(told: Told, rules: CallRules): Pick<Detail, 'hangup_cause' | 'hangup_party' | 'transferred_to'> {
  const { flow, state, leg } = told;
  if (state === 'ringing' || state === 'answered' || (state === 'recording' && !flow.root.hungUp)) return {};
  const [cause, party, transferredTo] = [causeOf(told, rules), hangupPartyOf(told, rules), isOfFlow(state) ? lastTransfer(flow, rules) : transferBy(flow, leg, rules)];
  return { ...(cause && { hangup_cause: cause }), ...(party && { hangup_party: party }), ...(transferredTo && { transferred_to: transferredTo }) };
}

function causeOf({ flow, state, leg, voice }: Told, rules: CallRules): string | undefined {
  if (!isOfFlow(state) && voice === 'each-leg') return endInFlow(flow, leg, rules)?.cause;
  const unanswered = !firstAnswer(flow) && !flow.root.answered;
  return (unanswered ? tellingCauseOf(flow, rules) : undefined) || flow.root.hungUp?.cause;
}

/** Where a leg has sent its other side: `blind:1002`, or `att:` and the leg that takes over (mod_sofia sets both). */
function transferBy(flow: Flow, leg: BornLeg, rules: CallRules): string | undefined {
  const [kind, ...target] = (ownEnd(flow, leg, rules) && leg.variables.get('transfer_to'))?.split(':') ?? [];
  if (kind === 'blind') return leg.variables.get('transfer_destination')?.replace(/^blind:/, '');
  const taker = kind === 'att' ? [...flow.legs, ...flow.joined.map((joined) => joined.leg)].find(({ id }) => id === target.join(':')) : undefined;
  return taker && extensionOf(taker, rules);
}

function lastTransfer(flow: Flow, rules: CallRules): string | undefined {
  const ended = [...flow.callees].sort((a, b) => (b.hungUp?.sequence ?? 0) - (a.hungUp?.sequence ?? 0));
  return [...ended, flow.root].map((leg) => transferBy(flow, leg, rules)).find(Boolean);
}

function extensionIn(told: Told, rules: CallRules): string | undefined {
  const { flow, state, leg, voice } = told;
  const only = flow.many ? undefined : flow.callees[0];
  const clickToCall = !flow.root.inbound && applicationOf(flow, rules) === 'click2call';
  if (clickToCall || voice === 'flow') return clickToCall || !onGateway(flow.root, rules) ? fromNumberOf(told) : undefined;
  const of = isOfFlow(state) || voice === 'rung-root' ? (firstAnswer(flow)?.leg ?? (voice === 'rung-root' ? undefined : only)) : leg;
  return of && !onGateway(of, rules) ? extensionOf(of, rules) : undefined;
}

function answeredBy(told: Told, { detail }: CallRules): Detail['answered_by'] {
  const { flow, state, voice } = told;
  if (answeredAt(told) !== undefined) return 'human';
  return voice === 'each-leg' && isOfFlow(state) ? pickedUpBy(flow, detail) : undefined;
}

function otherLegs({ flow, leg, voice }: Told, rules: CallRules): OtherLeg[] {
  const { root } = flow;
  const numbered = (of: BornLeg, role: OtherLeg['role'], number: string): OtherLeg => ({ leg_id: of.id, role, ...(number && { number }) });
  const all = [
    ...(root === leg ? [] : [voice === 'rung-root' ? numbered(root, 'callee', root.born.destination) : numbered(root, 'caller', root.inbound ? root.born.callerNumber : root.born.destination)]),
    ...flow.callees.filter((of) => of !== leg).map((of) => numbered(of, roleOf(of, rules), extensionOf(of, rules))),
    ...flow.joined.filter((joined) => joined.leg !== leg).map((joined) => numbered(joined.leg, 'transfer', extensionOf(joined.leg, rules))),
  ];
  return all.slice(0, MOST_LEGS);
}

function roleOf(leg: BornLeg, rules: CallRules): OtherLeg['role'] {
  if (leg.born.agent) return 'agent';
  return onGateway(leg, rules) ? 'gateway' : 'extension';
}

function recordingIn(told: Told, rules: CallRules): Detail['recording'] {
  const { flow, recorded } = told;
  const file = recorded?.file ?? recordingOf(flow);
  if (!file) return undefined;
  const legs = [...flow.legs, ...flow.joined.map((joined) => joined.leg)];
  const closed = recorded ?? legs.flatMap(({ recordings }) => recordings ?? []).find((one) => baseName(one.file) === baseName(file));
  // Of a leg that is not over they may still be those of an earlier piece.
  const by = legs.find(({ completed, variables }) => completed && (variables.has('record_ms') || variables.has('record_seconds')));
  const seconds = closed ? closed.seconds : by && secondsIn((name) => by.variables.get(name));
  const url = recordingUrlOf(told, rules);
  return { ...(url && { url }), ...(seconds !== undefined && { seconds }), state: closed || seconds !== undefined ? 'ready' : 'pending' };
}

/** Of the webhook's own leg, else of the root. */
function chosenVariables({ flow, leg }: Told, { detail }: CallRules): Record<string, string> | undefined {
  const found = detail.variables.flatMap((name): [string, string][] => {
    const value = leg.variables.get(name) ?? flow.root.variables.get(name);
    return value === undefined ? [] : [[name, cut(value)]];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

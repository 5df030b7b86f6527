import { isOfFlow, type Told } from './fields.js';
import { ownEnd, type BornLeg, type Flow } from './flow.js';
import type { Leg } from './leg.js';
import type { CallRules } from './rules.js';

/** Who ended a call, or one leg of it: one of the two who talked, the PBX itself, or a transfer that left nothing to say for that leg. */
export type HangupParty = 'caller' | 'callee' | 'switch' | 'transfer';

/** Causes that the switch gives to legs that it ends by itself (switch_types.h, switch_cause_t). */
const BY_THE_SWITCH: ReadonlySet<string> = new Set([
  'LOSE_RACE', 'PICKED_OFF', 'NO_ANSWER', 'ALLOTTED_TIMEOUT', 'PROGRESS_TIMEOUT', 'MEDIA_TIMEOUT', 'MANAGER_REQUEST', 'SYSTEM_SHUTDOWN',
]);

/**
 * Who hung up, as far as is known by then; undefined where nothing tells, or where the end was concluded. mod_sofia says it in
 * `sip_hangup_disposition` (`recv_…`: the other side sent it), but of a BYE only with HANGUP_COMPLETE; until then the cause and
 * whose end came first must do.
 */
export function hangupPartyOf(told: Told, rules: CallRules): HangupParty | undefined {
  const { flow, state, leg, voice } = told;
  const { root } = flow;
  const subject = isOfFlow(state) || voice !== 'each-leg' ? root : leg;
  const own = ownEnd(flow, subject, rules);
  const end = own ?? root.hungUp;
  if (!end || end.synthetic) return undefined;
  // A leg that outlived its flow ended in it as the root did.
  if (wasTransferred(flow, own ? subject : root, rules)) return 'transfer';
  const party = (of: Leg): HangupParty => (of === root && voice !== 'rung-root' ? 'caller' : 'callee');
  const peer = subject === root ? lastPeer(flow, rules) : root;
  if (own && endedItself(subject)) return party(subject);
  if (peer && endedItself(peer) && endedBefore(peer, subject)) return party(peer);
  if (end.cause === 'ORIGINATOR_CANCEL') return 'caller';
  if (BY_THE_SWITCH.has(end.cause) || (own && wasEnded(subject) && (!peer?.answered || wasEnded(peer)))) return 'switch';
  return peer?.answered && subject.answered ? party(endedBefore(peer, subject) ? peer : subject) : undefined;
}

/** Whether the other side ended it: BYE, CANCEL or a refusal came in. */
const endedItself = (leg: Leg) => dispositionOf(leg).startsWith('recv_');

/** Whether we ended it: the same were sent. */
const wasEnded = (leg: Leg) => dispositionOf(leg).startsWith('send_');

const dispositionOf = ({ hungUp, variables }: Leg) => (hungUp && variables.get('sip_hangup_disposition')) ?? '';

const endedBefore = (a: Leg, b: Leg) => a.hungUp !== undefined && a.hungUp.sequence < (b.hungUp?.sequence ?? Infinity);

/** Set by mod_sofia on the leg that transferred the other: its own part is over then. */
function wasTransferred(flow: Flow, leg: BornLeg, rules: CallRules): boolean {
  const { variables } = leg;
  return ownEnd(flow, leg, rules) !== undefined && (variables.has('transfer_to') || (variables.get('endpoint_disposition') ?? '').endsWith('_TRANSFER'));
}

/** With whom the root talked last, else who was rung last. */
function lastPeer(flow: Flow, rules: CallRules): BornLeg | undefined {
  const all = [...flow.callees, ...flow.joined.map((joined) => joined.leg)].filter((leg) => !wasTransferred(flow, leg, rules));
  const answered = all.filter((leg) => leg.answered);
  return (answered.length > 0 ? answered : all).sort((a, b) => b.born.sequence - a.born.sequence)[0];
}

import type { Told } from './fields.js';
import { firstAnswer, type Flow, type Voice } from './flow.js';
import { hangupPartyOf } from './hangup-party.js';
import type { Direction } from './leg.js';
import type { CallStatus, MissedReason } from './notice.js';
import { pickedUpBy, valueOf } from './picked-up.js';
import type { CallRules } from './rules.js';
import { statusByCause } from './status.js';

/** A call that rang in and ended without an extension having answered it; one that a fax machine or a conference took was not missed. */
export function isMissed(flow: Flow, direction: Direction, voice: Voice, rules: CallRules): boolean {
  if (direction !== 'inbound' || voice !== 'each-leg' || firstAnswer(flow)) return false;
  const by = pickedUpBy(flow, rules.detail);
  return by !== 'fax' && by !== 'conference';
}

const REASON_OF_STATUS: Readonly<Record<CallStatus, MissedReason>> = {
  'answered': 'no-answer', 'no-answered': 'no-answer', 'busy': 'busy', 'cancel': 'abandoned', 'not-available': 'unavailable', 'invalid': 'unavailable',
};

/** Why nobody took the call: where it ended, else whether the caller gave up, else how the extension rung last did. */
export function missedReasonOf(told: Told, rules: CallRules): MissedReason {
  const { flow } = told;
  const by = pickedUpBy(flow, rules.detail);
  const callerGaveUp = hangupPartyOf(told, rules) === 'caller';
  if (by === 'voicemail') return 'voicemail';
  if (by === 'queue') return isQueueTimeout(flow) || !callerGaveUp ? 'queue-timeout' : 'abandoned';
  if (by === 'ivr' && flow.callees.length === 0) return 'ivr';
  if (callerGaveUp) return 'abandoned';
  const reason = REASON_OF_STATUS[statusByCause(flow, rules)];
  // An application picked up, so the line itself was in order, and ended the call with a cause that says nothing.
  return by !== undefined && reason === 'unavailable' && flow.callees.length === 0 ? 'no-answer' : reason;
}

/** mod_callcenter.c says why a caller left the queue: TIMEOUT, NO_AGENT_TIMEOUT; BREAK_OUT is the caller's own end. */
const isQueueTimeout = (flow: Flow) => (valueOf(flow, ['cc_cancel_reason']) ?? '').endsWith('TIMEOUT');

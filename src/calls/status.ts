import { applicationOf, firstAnswer, ownEnd, type Flow, type Voice } from './flow.js';
import type { CallStatus } from './notice.js';
import type { CallRules } from './rules.js';

/** FreeSWITCH's hangup causes (Q.850 and its own, `switch_cause_t`) in the tenants' words; any other is `invalid`. */
const STATUS_OF_CAUSE: Readonly<Record<string, CallStatus>> = {
  USER_BUSY: 'busy', CALL_REJECTED: 'busy',
  ORIGINATOR_CANCEL: 'cancel',
  NO_ANSWER: 'no-answered', NO_USER_RESPONSE: 'no-answered', ALLOTTED_TIMEOUT: 'no-answered', PROGRESS_TIMEOUT: 'no-answered',
  SUBSCRIBER_ABSENT: 'not-available', UNALLOCATED_NUMBER: 'not-available', USER_NOT_REGISTERED: 'not-available', NO_ROUTE_DESTINATION: 'not-available',
  DESTINATION_OUT_OF_ORDER: 'not-available', NETWORK_OUT_OF_ORDER: 'not-available', NORMAL_TEMPORARY_FAILURE: 'not-available',
  RECOVERY_ON_TIMER_EXPIRE: 'not-available', NORMAL_CIRCUIT_CONGESTION: 'not-available', SWITCH_CONGESTION: 'not-available',
  GATEWAY_DOWN: 'not-available', REQUESTED_CHAN_UNAVAIL: 'not-available',
};

/** How an ended flow went, for its `cdr`. */
export function statusOf(flow: Flow, voice: Voice, rules: CallRules): CallStatus {
  const { root } = flow;
  if (firstAnswer(flow) || (voice === 'rung-root' && root.answered)) return 'answered';
  const clickToCall = applicationOf(flow, rules) === 'click2call';
  if (clickToCall && flow.callees.length === 0) return 'invalid';
  if (root.hungUp?.cause === 'ORIGINATOR_CANCEL') return 'cancel';
  if (voice === 'each-leg' && root.answered) return 'no-answered'; // picked up by an application only
  return statusByCause(flow, rules);
}

/** What the cause that says most makes of an ended flow. */
export function statusByCause(flow: Flow, rules: CallRules): CallStatus {
  const cause = tellingCauseOf(flow, rules);
  return (cause !== undefined && Object.hasOwn(STATUS_OF_CAUSE, cause) && STATUS_OF_CAUSE[cause]) || 'invalid';
}

/** The hangup cause that says most about a flow that nobody answered: that of the callee rung last, else what the root says of it. */
export const tellingCauseOf = (flow: Flow, rules: CallRules): string | undefined => causes(flow, rules).find(isHangupCause);

function causes(flow: Flow, rules: CallRules): (string | undefined)[] {
  const { root, callees } = flow;
  const last = [...callees].sort((a, b) => b.born.sequence - a.born.sequence)[0];
  return [last && ownEnd(flow, last, rules)?.cause, root.variables.get('last_bridge_hangup_cause'), root.variables.get('originate_disposition'), root.hungUp?.cause];
}

/** `originate_disposition` may also say `SUCCESS`, or `failure` while it still rings. */
const isHangupCause = (value: string | undefined): value is string => value !== undefined && value !== 'SUCCESS' && /^[A-Z][A-Z0-9_]*$/.test(value);

import { answeredAt, endedAt, fromNumberOf, hotlineOf, isOfFlow, recordingUrlOf, sipCallIdOf, toNumberOf, type Told } from './fields.js';
import { applicationOf } from './flow.js';
import { missedReasonOf } from './missed.js';
import type { CallStatus, Payload } from './notice.js';
import type { CallRules } from './rules.js';
import { wholeSeconds } from './stamp.js';
import { statusOf } from './status.js';

/** Fields of a `cdr` in which the PBX's own CDR event wins over what the flow knows; not the ones that name the call or the state. */
const TELLABLE = [
  'application', 'sip_call_id', 'direction', 'from_number', 'to_number', 'hotline', 'time_started', 'time_answered', 'time_ended', 'recording_url', 'status',
] as const;

/** What is kept of the PBX's own CDR event; its domain only helps where no leg named one. */
export const TOLD_FIELDS = [...TELLABLE, 'domain'] as const;

/** The tenants' contract, version 1: exactly these fields, in this order; an extra event has one more at its end. `startedUs` and `callId` are the announced ones. */
export function payloadOf(told: Told, callId: string, startedUs: number, rules: CallRules, stamp: (us: number | undefined) => string): Payload {
  const { flow, state, domain, direction } = told;
  const answeredUs = answeredAt(told);
  const endedUs = endedAt(told, rules);
  const payload: Payload = {
    application: applicationOf(flow, rules),
    call_id: callId,
    sip_call_id: sipCallIdOf(told),
    domain,
    direction,
    from_number: fromNumberOf(told),
    to_number: toNumberOf(told, rules),
    hotline: hotlineOf(told),
    time_started: stamp(startedUs),
    time_answered: stamp(answeredUs),
    time_ended: stamp(endedUs),
    state,
  };
  if (state === 'hangup' && endedUs !== undefined) {
    payload.duration = secondsBetween(startedUs, endedUs);
    payload.billsec = answeredUs === undefined ? 0 : secondsBetween(answeredUs, endedUs);
  }
  if (isOfFlow(state)) {
    const recordingUrl = state === 'missed' ? undefined : recordingUrlOf(told, rules);
    if (recordingUrl !== undefined) payload.recording_url = recordingUrl;
    payload.status = statusSoFar(told, answeredUs, rules);
    for (const field of TELLABLE) {
      const value = flow.told?.get(field);
      if (value) Object.assign(payload, { [field]: value });
    }
    finishExtra(payload, told, rules, recordingUrl);
  }
  return payload;
}

/** A `recording` may be ready while the call is up. */
function statusSoFar({ flow, state, voice }: Told, answeredUs: number | undefined, rules: CallRules): CallStatus | '' {
  if (state !== 'recording' || flow.root.hungUp) return statusOf(flow, voice, rules);
  return answeredUs === undefined ? '' : 'answered';
}

/** What sets the extra events apart: the reason; the one file, whatever the PBX's own CDR event names. */
function finishExtra(payload: Payload, told: Told, rules: CallRules, recordingUrl: string | undefined): void {
  if (told.state === 'missed') {
    delete payload.recording_url;
    payload.missed_reason = missedReasonOf(told, rules);
  }
  if (told.state === 'recording') {
    if (recordingUrl !== undefined) payload.recording_url = recordingUrl;
    if (told.recorded?.seconds !== undefined) payload.recording_seconds = told.recorded.seconds;
  }
}

const secondsBetween = (fromUs: number, toUs: number) => wholeSeconds(toUs) - wholeSeconds(fromUs);

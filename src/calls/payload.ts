import { answeredAt, endedAt, fromNumberOf, hotlineOf, recordingUrlOf, sipCallIdOf, toNumberOf, type Told } from './fields.js';
import { applicationOf } from './flow.js';
import type { Payload } from './notice.js';
import type { CallRules } from './rules.js';
import { wholeSeconds } from './stamp.js';
import { statusOf } from './status.js';

/** Fields of a `cdr` in which the PBX's own CDR event wins over what the flow knows; not the ones that name the call or the state. */
const TELLABLE = [
  'application', 'sip_call_id', 'direction', 'from_number', 'to_number', 'hotline', 'time_started', 'time_answered', 'time_ended', 'recording_url', 'status',
] as const;

/** What is kept of the PBX's own CDR event; its domain only helps where no leg named one. */
export const TOLD_FIELDS = [...TELLABLE, 'domain'] as const;

/** The tenants' contract, version 1: exactly these fields, in this order. `startedUs` and `callId` are the announced ones. */
export function payloadOf(told: Told, callId: string, startedUs: number, rules: CallRules, stamp: (us: number | undefined) => string): Payload {
  const { flow, state, domain, direction } = told;
  const answeredUs = answeredAt(told);
  const endedUs = endedAt(told);
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
  if (state === 'cdr') {
    payload.recording_url = recordingUrlOf(told, rules);
    payload.status = statusOf(flow, told.voice, rules);
    for (const field of TELLABLE) {
      const value = flow.told?.get(field);
      if (value) Object.assign(payload, { [field]: value });
    }
  }
  return payload;
}

const secondsBetween = (fromUs: number, toUs: number) => wholeSeconds(toUs) - wholeSeconds(fromUs);

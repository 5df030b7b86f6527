import type { CallRules } from './rules.js';
import { watchedBy } from './watched.js';

/** What is read of a channel whatever the PBX. */
const FIXED = [
  'Unique-ID', 'Call-Direction', 'Channel-Name', 'Hangup-Cause', 'Answer-State', 'Other-Type', 'Other-Leg-Unique-ID', 'Other-Leg-Destination-Number',
  'Caller-Caller-ID-Name', 'Caller-Caller-ID-Number', 'Caller-Destination-Number', 'Caller-Context', 'Caller-Channel-Created-Time',
  'Caller-Channel-Answered-Time', 'Caller-Channel-Bridged-Time', 'Caller-Channel-Hangup-Time', 'Bridge-A-Unique-ID', 'Bridge-B-Unique-ID',
];
const VARIABLES = ['hangup_cause', 'cc_side', 'cc_member_session_uuid', 'other_loopback_leg_uuid', 'originator', 'bridge_uuid', 'sip_call_id'];

/** Every header of a `CHANNEL_…` event that anything in this folder may ask for, whatever tenants ask for; not those that SwitchEvent has as fields. */
export function headersRead(rules: CallRules): string[] {
  const { always, now } = watchedBy(rules, { anything: () => true, event: () => true, detail: () => true });
  const { direction, dialedUser, dialedExtension } = rules.variables;
  return [...FIXED, ...[...VARIABLES, ...always, ...now(), ...direction, dialedUser, dialedExtension].map((name) => `variable_${name}`)];
}

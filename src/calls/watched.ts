import type { Asked } from './asked.js';
import type { CallRules, DetailRules } from './rules.js';

/** The names of the variables to read; nothing else of an event is kept. */
export interface Watched {
  readonly always: readonly string[];
  /** Those besides, at this moment. */
  readonly now: () => readonly string[];
}

/** What the rules read, and besides, while somebody asks for more, what that is made from. */
export function watchedBy(rules: CallRules, asked: Asked): Watched {
  const { domain, presence, gateway, many } = rules.variables;
  const fixed = ['sip_call_id', 'record_path', 'record_name', 'cc_record_filename', 'last_bridge_hangup_cause', 'originate_disposition'];
  const always = [...new Set([...domain, ...presence, ...gateway, ...many, ...rules.applications.map((rule) => rule.variable), ...fixed])];
  const besides = detailVariables(rules.detail).filter((name) => !always.includes(name));
  return { always, now: () => (asked.anything() ? besides : []) };
}

/** What ended a call, where it was and how it was recorded; FreeSWITCH's own names, the same on every PBX. */
const FIXED = [
  'sip_hangup_disposition', 'endpoint_disposition', 'transfer_to', 'transfer_destination', 'current_application', 'last_app', 'cc_cancel_reason',
  'record_ms', 'record_seconds',
];

function detailVariables({ variables, ringGroup, queue, ivr, voicemail, fax, conference }: DetailRules): string[] {
  return [...new Set([...FIXED, ...variables, ...ringGroup, ...queue, ...ivr, ...voicemail, ...fax, ...conference])];
}

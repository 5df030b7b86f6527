import type { DetailRules } from './rules.js';

/** A variable that is kept or sent for its own sake: this many bytes of it. */
const MOST_BYTES = 1_024;
/** One UTF-16 unit takes at most three bytes. */
const SURELY_SHORT = Math.floor(MOST_BYTES / 3);

/** What ended a call, where it was and how it was recorded; FreeSWITCH's own names, the same on every PBX. */
const FIXED = [
  'sip_hangup_disposition', 'endpoint_disposition', 'transfer_to', 'transfer_destination', 'current_application', 'last_app', 'cc_cancel_reason',
  'record_ms', 'record_seconds',
];

/** The variables that are read besides while somebody asks for version 2 or an extra event, without those that are read anyway. */
export function detailVariables({ variables, ringGroup, queue, ivr, voicemail, fax, conference }: DetailRules, watched: readonly string[]): string[] {
  const names = new Set([...FIXED, ...variables, ...ringGroup, ...queue, ...ivr, ...voicemail, ...fax, ...conference]);
  return [...names].filter((name) => !watched.includes(name));
}

/** At most 1 KiB of a value, in UTF-8, cut between two characters. */
export function cut(value: string): string {
  if (value.length <= SURELY_SHORT) return value;
  const bytes = new TextEncoder().encode(value);
  if (bytes.length <= MOST_BYTES) return value;
  let end = MOST_BYTES;
  while ((bytes[end]! & 0xc0) === 0x80) end -= 1; // the first byte left out must begin a character
  return new TextDecoder().decode(bytes.subarray(0, end));
}

/** The names of the variables to read. */
export interface Watched {
  readonly always: readonly string[];
  /** Those besides, at this moment. */
  readonly now: () => readonly string[];
}

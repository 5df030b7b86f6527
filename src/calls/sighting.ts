import type { SwitchEvent } from './event.js';
import { absorb, birthOf, newLeg, type Birth, type Leg } from './leg.js';
import type { CallRules } from './rules.js';
import type { Watched } from './watched.js';

/** A row of `show channels as json`, by column. */
export type ChannelRow = Readonly<Record<string, string>>;

/** A channel that is up, as `show channels` and `uuid_dump` tell of it: what its missed events would have said. */
export interface Sighting {
  readonly leg: Leg;
  readonly born: Birth;
  readonly answeredUs: number | undefined;
  /** The leg it is connected with, and since when. */
  readonly bridged: { readonly otherId: string; readonly atUs: number } | undefined;
  /** It has hung up, and is only there until the switch is done with it. */
  readonly ended: boolean;
}

/**
 * Reads a dump (CHANNEL_DATA) as if it were the events that were missed. Numbers and context are taken from the row's
 * `initial_…` columns, for the dump has those of now; the creator from `originator`, for Other-Leg names whom a transfer put there.
 */
export function sightingOf(row: ChannelRow, dump: SwitchEvent, rules: CallRules, watched: Watched, nowMs: number): Sighting {
  const leg = newLeg(dump.get('Unique-ID') ?? row['uuid'] ?? '', nowMs);
  absorb(leg, dump, rules, watched.always, watched.now());
  const told = birthOf(dump, rules);
  const parentId = dump.get('variable_originator') || told.parentId;
  const callerName = row['initial_cid_name'] || told.callerName;
  const born: Birth = {
    ...told, parentId, ...(callerName && { callerName }),
    sequence: dump.sequence,
    callerNumber: row['initial_cid_num'] || told.callerNumber,
    destination: row['initial_dest'] || told.destination,
    context: row['initial_context'] || told.context,
    // Of another leg than the creator it would say nothing about where the creator was sent.
    parentDestination: dump.get('Other-Leg-Unique-ID') === parentId ? told.parentDestination : '',
    sipCallId: leg.inbound ? told.sipCallId : '', // a leg that the switch rings had none at its CREATE
    sighted: true,
  };
  const otherId = dump.get('variable_bridge_uuid');
  const bridgedUs = microseconds(dump.get('Caller-Channel-Bridged-Time'));
  return {
    leg, born,
    answeredUs: microseconds(dump.get('Caller-Channel-Answered-Time')),
    bridged: otherId && bridgedUs !== undefined ? { otherId, atUs: bridgedUs } : undefined,
    ended: dump.get('Answer-State') === 'hangup',
  };
}

const microseconds = (text: string | undefined): number | undefined => Number(text) || undefined;

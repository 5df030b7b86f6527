import type { EventRecord } from './wire.js';

/** The columns of `show channels as json` in their order (switch_core_sqldb.c), each with the header that fills it. */
const COLUMNS: readonly (readonly [column: string, header: string])[] = [
  ['uuid', 'Unique-ID'], ['direction', 'Call-Direction'], ['created', ''], ['created_epoch', ''], ['name', 'Channel-Name'], ['state', 'Channel-State'],
  ['cid_name', 'Caller-Caller-ID-Name'], ['cid_num', 'Caller-Caller-ID-Number'], ['ip_addr', 'Caller-Network-Addr'], ['dest', 'Caller-Destination-Number'],
  ['application', 'variable_current_application'], ['application_data', 'variable_current_application_data'], ['dialplan', 'Caller-Dialplan'],
  ['context', 'Caller-Context'],
  ['read_codec', 'Channel-Read-Codec-Name'], ['read_rate', 'Channel-Read-Codec-Rate'], ['read_bit_rate', 'Channel-Read-Codec-Bit-Rate'],
  ['write_codec', 'Channel-Write-Codec-Name'], ['write_rate', 'Channel-Write-Codec-Rate'], ['write_bit_rate', 'Channel-Write-Codec-Bit-Rate'],
  ['secure', ''], ['hostname', 'FreeSWITCH-Switchname'], ['presence_id', 'Channel-Presence-ID'], ['presence_data', ''], ['accountcode', 'variable_accountcode'],
  ['callstate', 'Channel-Call-State'], ['callee_name', 'Caller-Callee-ID-Name'], ['callee_num', 'Caller-Callee-ID-Number'], ['callee_direction', ''],
  ['call_uuid', 'Channel-Call-UUID'], ['sent_callee_name', ''], ['sent_callee_num', ''],
];

/** Filled once, when the channel is created. */
const INITIAL = ['cid_name', 'cid_num', 'ip_addr', 'dest', 'dialplan', 'context'];

const HEADER_OF = new Map(COLUMNS);

/** One row of `show channels as json`, from the first and the last event of a channel. */
export function rowOf(first: EventRecord, last: EventRecord): Record<string, string> {
  const row = Object.fromEntries(COLUMNS.map(([column, header]) => [column, textOf(last, header)]));
  const createdSeconds = Math.floor(Number(textOf(last, 'Caller-Channel-Created-Time')) / 1e6);
  row['created'] = new Date(createdSeconds * 1_000).toISOString().slice(0, 19).replace('T', ' ');
  row['created_epoch'] = String(createdSeconds);
  for (const column of INITIAL) row[`initial_${column}`] = textOf(first, HEADER_OF.get(column)!);
  return row;
}

/** What only the event said, not the channel. */
const OF_THE_EVENT: ReadonlySet<string> = new Set(['Event-Subclass', 'Hangup-Cause', 'Bridge-A-Unique-ID', 'Bridge-B-Unique-ID', 'CDR-Attached', '_body', 'Content-Length']);

/** The answer to `uuid_dump … json`: the channel as its last event told of it, under the name and number of an event made now. */
export function dumpOf(last: EventRecord, { sequence, atUs }: { sequence: number; atUs: number }): EventRecord {
  const standing = Object.entries(last).filter(([header]) => !OF_THE_EVENT.has(header));
  return { ...Object.fromEntries(standing), 'Event-Name': 'CHANNEL_DATA', 'Event-Sequence': String(sequence), 'Event-Date-Timestamp': String(atUs) };
}

function textOf(record: EventRecord, header: string): string {
  const value = record[header] ?? '';
  return typeof value === 'string' ? value : (value[0] ?? '');
}

import type { EventRecord } from './wire.js';

/** The events with which a channel ends. */
export interface ChannelEnd { readonly hangup: EventRecord; readonly ends: readonly EventRecord[] }

/** The end of a channel that is up, as the switch would tell of it at `atUs`, microseconds; `sequence` numbers the events. */
export function endOf(last: EventRecord, cause: string, atUs: number, sequence: () => number): ChannelEnd {
  const made = (name: string, headers: EventRecord): EventRecord => ({
    ...last, 'Event-Name': name, 'Event-Sequence': String(sequence()), 'Event-Date-Timestamp': String(atUs), 'Hangup-Cause': cause, ...headers,
  });
  // In the hangup itself the channel is still as it was (fsctl-shutdown): its time of hangup is 0.
  const hangup = made('CHANNEL_HANGUP', {});
  const over = { 'Channel-State': 'CS_REPORTING', 'Channel-Call-State': 'HANGUP', 'Answer-State': 'hangup', 'Caller-Channel-Hangup-Time': String(atUs), ...timesOf(last, cause, atUs) };
  return { hangup, ends: [made('CHANNEL_HANGUP_COMPLETE', over), made('CHANNEL_DESTROY', over)] };
}

/** The variables that a channel gets at its end (switch_channel_set_timestamps). */
function timesOf(last: EventRecord, cause: string, endUs: number): EventRecord {
  const startUs = Number(last['Caller-Channel-Created-Time'] ?? 0);
  const answerUs = Number(last['Caller-Channel-Answered-Time'] ?? 0);
  const seconds = (us: number) => Math.floor(us / 1e6);
  const times: Record<string, number> = {
    start_epoch: seconds(startUs), start_uepoch: startUs, answer_epoch: seconds(answerUs), answer_uepoch: answerUs, end_epoch: seconds(endUs), end_uepoch: endUs,
    duration: seconds(endUs) - seconds(startUs),
    billsec: answerUs === 0 ? 0 : seconds(endUs) - seconds(answerUs),
    billmsec: answerUs === 0 ? 0 : Math.floor((endUs - answerUs) / 1e3),
  };
  return { variable_hangup_cause: cause, ...Object.fromEntries(Object.entries(times).map(([name, value]) => [`variable_${name}`, String(value)])) };
}

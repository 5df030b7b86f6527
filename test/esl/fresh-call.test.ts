import { randomUUID } from 'node:crypto';
import type { Payload } from '../../src/calls/notice.js';
import { seeded } from '../../src/cli/seeded.js';
import { freshCall, type FreshCallOptions } from '../../src/esl/fresh-call.js';
import { takeApart } from '../../src/esl/recorded-calls.js';
import type { Recording } from '../../src/esl/recording.js';
import { readEvent } from '../../src/esl/switch-event.js';
import { bodyOf } from '../../src/esl/wire.js';
import { LOAD, play, recordedCalls } from '../support/goldens.js';
import { fixtureRecording } from '../support/recording.js';

const NOW_MS = Date.UTC(2031, 0, 2, 3, 4, 5, 678);
const options: FreshCallOptions = { nowMs: NOW_MS, speed: 1, domain: undefined, sequence: 0, random: seeded('x'), newUuid: randomUUID };

const eventsOf = ({ events }: Recording) => events.map(({ frame, atMs }) => {
  const read = readEvent(bodyOf(frame), 'pbx', atMs);
  if (read.kind !== 'event') throw new Error(read.why);
  return read.event;
});
const webhooksOf = (recording: Recording): Payload[] => play(eventsOf(recording)).notices.map(({ payload }) => payload);

/** What a call is like whoever has it and whenever. */
const shape = ({ application, direction, state, status, duration, billsec, to_number, time_answered, time_ended }: Payload) => (
  { application, direction, state, status, duration, billsec, extension: to_number.length < 7 ? to_number : 'outside', answered: time_answered !== '', ended: time_ended !== '' });

describe('a recording is taken apart into its calls', () => {
  it('that are whole, each with all of its events', async () => {
    for (const name of await recordedCalls()) {
      const recording = await fixtureRecording(name);
      const { calls, partial } = takeApart(recording);
      expect([name, partial]).toEqual([name, 0]);
      expect([name, calls.length]).toEqual([name, name === 'calls/25-two-tenants-at-once' ? 2 : 1]);
      const told = recording.events.filter(({ name: event }) => event.startsWith('CHANNEL_')).length;
      expect(calls.flatMap(({ events }) => events).filter(({ name: event }) => event.startsWith('CHANNEL_'))).toHaveLength(told);
      expect(calls.every(({ events }) => events[0]?.atMs === 0)).toBe(true);
    }
  });

  it('however many there are at once', async () => {
    const { calls, partial } = takeApart(await fixtureRecording(LOAD));
    expect([calls.length, partial]).toEqual([100, 0]);
  });

  it('and one that was up when it began is left out', async () => {
    expect(takeApart(await fixtureRecording('calls/31-connect-midcall'))).toEqual({ calls: [], partial: 1 });
  });
});

describe('a fresh call', () => {
  it('is the recorded one with other ids and outside numbers, at the present time', async () => {
    for (const name of await recordedCalls()) {
      for (const recorded of takeApart(await fixtureRecording(name)).calls) {
        const [was, is] = [webhooksOf(recorded), webhooksOf(freshCall(recorded, options).recording)];
        expect([name, is.map(shape)]).toEqual([name, was.map(shape)]);
        is.forEach((payload, index) => {
          expect(payload.call_id).not.toBe(was[index]!.call_id);
          expect(payload.sip_call_id === '' || payload.sip_call_id !== was[index]!.sip_call_id).toBe(true);
          expect(payload.from_number.length < 7 || payload.from_number !== was[index]!.from_number).toBe(true);
          expect(payload.time_started).toMatch(/^2031-01-02 03:04:/);
        });
      }
    }
  });

  it('belongs to the domain that it is given, and plays at the speed that it is given', async () => {
    const [recorded] = takeApart(await fixtureRecording('calls/06-inbound-ext-answered')).calls;
    const { recording } = freshCall(recorded!, { ...options, domain: 'b.example.test', speed: 4 });
    expect(new Set(webhooksOf(recording).map(({ domain }) => domain))).toEqual(new Set(['b.example.test']));
    expect(recording.events.at(-1)!.atMs).toBeCloseTo(recorded!.events.at(-1)!.atMs / 4);
    const [first, last] = [eventsOf(recording)[0]!, eventsOf(recording).at(-1)!];
    const [firstWas, lastWas] = [eventsOf(recorded!)[0]!, eventsOf(recorded!).at(-1)!];
    expect(last.timestampUs - first.timestampUs).toBeCloseTo((lastWas.timestampUs - firstWas.timestampUs) / 4, -1);
  });

  it('numbers its events on from those before', async () => {
    const [recorded] = takeApart(await fixtureRecording('calls/01-outbound-caller-hangup')).calls;
    const first = freshCall(recorded!, options);
    const second = freshCall(recorded!, { ...options, sequence: first.sequence });
    const [a, b] = [first, second].map(({ recording }) => eventsOf(recording).map(({ sequence }) => sequence));
    expect(Math.min(...a!)).toBe(1);
    expect(Math.min(...b!)).toBe(Math.max(...a!) + 1);
  });
});

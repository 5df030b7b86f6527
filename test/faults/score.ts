import { Calls } from '../../src/calls/calls.js';
import type { Notice } from '../../src/calls/notice.js';
import type { Recording } from '../../src/esl/recording.js';
import { renew } from '../../src/esl/renew.js';
import { eventsOf, goldensOf, recordedCalls, RULES, TENANTS, type Golden } from '../support/goldens.js';
import { fixtureRecording } from '../support/recording.js';

/** One recorded call, to be played again and again under new names. */
export interface Score {
  readonly name: string;
  readonly recording: Recording;
  /** When each event was recorded, of which leg it is (undefined for one of no leg), its number and its microseconds at the switch. */
  readonly events: readonly { atMs: number; leg: string | undefined; name: string; sequence: number; timestampUs: number }[];
  readonly webhooks: readonly (Golden & Cause)[];
  /** The uuids of its channels, in the order in which `renew` finds them. */
  readonly uuids: readonly string[];
}

/** What brings a webhook about: the event that must have been heard, and how long after it the webhook is due. */
export interface Cause { readonly trigger: number; readonly afterMs: number }

/** Every recorded call that has webhooks, and the one that must not have any. */
export async function readScores(): Promise<Score[]> {
  return await Promise.all((await recordedCalls()).map(readScore));
}

async function readScore(name: string): Promise<Score> {
  const [recording, events, goldens] = [await fixtureRecording(name), await eventsOf(name), await goldensOf(name)];
  const causes = causesOf(events);
  return {
    name, recording, uuids: [...renew(recording).uuids.keys()],
    events: events.map((event) => ({
      atMs: event.receivedAtMs, leg: event.get('Unique-ID'), name: event.name, sequence: event.sequence, timestampUs: event.timestampUs,
    })),
    webhooks: goldens.map((golden) => {
      const cause = causes.get(keyOf(golden.flow, golden.payload));
      if (cause === undefined) throw new Error(`${name}: nothing brings about ${golden.payload.state} of ${golden.payload.call_id}`);
      return { ...golden, ...cause };
    }),
  };
}

/** Lets the rules of calls say it: each webhook's event is the one with which they gave its notice. */
function causesOf(events: Awaited<ReturnType<typeof eventsOf>>): Map<string, Cause> {
  const causes = new Map<string, Cause>();
  const calls = new Calls({
    switchName: 'pbx', rules: RULES, tenantOf: (name) => (TENANTS.has(name) ? name : undefined), unattributed: () => {}, dropped: () => {},
  });
  const take = (notices: readonly Notice[], cause: Cause) => { for (const { flowId, payload } of notices) causes.set(keyOf(flowId, payload), cause); };
  events.forEach((event, index) => {
    lapse(calls, event.receivedAtMs, index - 1, take);
    take(calls.accept(event), { trigger: index, afterMs: 0 });
  });
  lapse(calls, Infinity, events.length - 1, take);
  return causes;
}

/** What falls due between two events is brought about by the one before, after the linger of a cdr. */
function lapse(calls: Calls, untilMs: number, trigger: number, take: (notices: readonly Notice[], cause: Cause) => void): void {
  for (let due = calls.nextDueMs(); due !== undefined && due < untilMs && due < RULES.maxAgeMs; due = calls.nextDueMs()) {
    take(calls.tick(due), { trigger, afterMs: RULES.cdr.lingerMs });
  }
}

const keyOf = (flow: string, { call_id, state }: Golden['payload']) => `${flow} ${call_id} ${state}`;

import { readFile, readdir } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import type { Asked } from '../../src/calls/asked.js';
import { Calls } from '../../src/calls/calls.js';
import type { SwitchEvent } from '../../src/calls/event.js';
import type { Notice, Payload } from '../../src/calls/notice.js';
import type { CallRules } from '../../src/calls/rules.js';
import { readRecording } from '../../src/esl/recording.js';
import { readEvent } from '../../src/esl/switch-event.js';

/** One webhook that a recording must produce. */
export interface Golden { flow: string; leg: string; payload: Payload }

export const FIXTURES = new URL('../fixtures/', import.meta.url).pathname;
export const LOAD = 'load/8threads-sip2-10cps';
/** It begins in the middle of a call, so it has no golden of its own. */
const MIDCALL = 'calls/31-connect-midcall';

/** The names of all recorded calls that have a golden. */
export async function recordedCalls(): Promise<string[]> {
  const names = (await readdir(`${FIXTURES}calls`)).filter((file) => file.endsWith('.esl.gz')).map((file) => `calls/${file.slice(0, -'.esl.gz'.length)}`);
  return names.filter((name) => name !== MIDCALL).sort();
}

export async function goldensOf(name: string): Promise<Golden[]> {
  return JSON.parse(gunzipSync(await readFile(`${FIXTURES}${name}.webhooks.json.gz`)).toString()) as Golden[];
}

export async function eventsOf(name: string): Promise<SwitchEvent[]> {
  const { events } = await readRecording(`${FIXTURES}${name}.esl.gz`);
  return events.map(({ frame, atMs }) => {
    const read = readEvent(frame.subarray(frame.indexOf('\n\n') + 2), 'pbx', atMs);
    if (read.kind !== 'event') throw new Error(`${name}: ${read.why}`);
    return read.event;
  });
}

/** The shipped rules, with the settings that the goldens were made for. */
export const RULES: CallRules = {
  variables: {
    domain: ['domain_name', 'dialed_domain', 'sip_invite_domain', 'sip_req_host'], presence: ['presence_id'], direction: ['call_direction'], gateway: ['sip_gateway_name'],
    many: ['ring_group_uuid', 'cc_queue', 'call_center_queue_uuid', 'ivr_menu_uuid'], dialedUser: 'dialed_user', dialedExtension: 'dialed_extension',
  },
  detail: {
    variables: [], ringGroup: ['ring_group_uuid'], queue: ['cc_queue', 'call_center_queue_uuid'], ivr: ['ivr_menu_uuid'],
    voicemail: ['voicemail_action', 'voicemail_id'], fax: ['fax_uuid', 'fax_success'], conference: ['conference_name', 'conference_uuid'],
  },
  publicContext: 'public',
  sharedContexts: ['public', 'default'],
  applications: [
    { variable: 'click_to_call', value: 'true', application: 'click2call' },
    { variable: 'autodialer', value: 'true', application: 'autodialer' },
    { variable: 'autocall', value: 'true', application: 'autocall' },
  ],
  recordingUrl: 'https://rec.example.test/{domain}/{file}',
  timeZone: 'UTC',
  cdr: { subclass: '', lingerMs: 500, waitMs: 30_000, recordingWaitMs: 0 },
  rememberMs: 5_000,
  maxAgeMs: 86_400_000,
};

export const TENANTS: ReadonlySet<string> = new Set(['a.example.test', 'b.example.test']);

/** Somebody wants all that there is, in version 2. */
export const EVERYTHING: Asked = { anything: () => true, event: () => true, detail: () => true };

/** Plays events into a fresh `Calls`, then lets the clock run until nothing is due. */
export function play(events: readonly SwitchEvent[], rules: CallRules = RULES, asked?: Asked) {
  const unattributed: string[] = [];
  const dropped: string[] = [];
  const calls = new Calls({
    switchName: 'pbx', rules, tenantOf: (name) => (TENANTS.has(name) ? name : undefined),
    unattributed: (id) => { unattributed.push(id); }, dropped: (id) => { dropped.push(id); }, ...(asked && { asked }),
  });
  const notices: Notice[] = events.flatMap((event) => calls.accept(event));
  notices.push(...settle(calls));
  return { notices, unattributed, dropped, calls };
}

/** Moves the clock from one deadline to the next, a minute past the last event. */
export function settle(calls: Calls): Notice[] {
  const notices: Notice[] = [];
  for (let due = calls.nextDueMs(); due !== undefined && due < RULES.maxAgeMs; due = calls.nextDueMs()) notices.push(...calls.tick(due));
  return notices;
}

export const asGolden = ({ flowId, legId, payload }: Notice): Golden => ({ flow: flowId, leg: legId, payload });

/** Groups by flow, keeping each flow's order: between flows any order is right. */
export function byFlow(webhooks: readonly Golden[]): Record<string, Golden[]> {
  const flows: Record<string, Golden[]> = {};
  for (const webhook of webhooks) (flows[webhook.flow] ??= []).push(webhook);
  return flows;
}

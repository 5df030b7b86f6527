import type { Detail } from '../../src/calls/detail.js';
import type { Notice } from '../../src/calls/notice.js';
import { cut } from '../../src/calls/cut.js';
import { eventsOf, EVERYTHING, play, RULES } from '../support/goldens.js';
import { Script } from '../support/script.js';

/** Legs by the order of their first event: L1, L2 … */
async function told(name: string): Promise<{ notice: Notice; shown: Record<string, unknown> }[]> {
  const events = await eventsOf(`calls/${name}`);
  const ids = [...new Set(events.flatMap((event) => event.get('Unique-ID') ?? []))];
  const short = (text: string) => ids.reduce((all, id, index) => all.replaceAll(id, `L${index + 1}`), text);
  return play(events, RULES, EVERYTHING).notices.map((notice) => {
    const { other_legs: others, ...shown } = JSON.parse(short(JSON.stringify(notice.detail))) as Detail;
    return { notice, shown: { ...shown, state: notice.state, other_legs: others.map(({ leg_id: id, role, number }) => `${id} ${role} ${number}`) } };
  });
}

type Row = [name: string, state: string, leg: string, shown: Record<string, unknown>];

const RING_GROUP = '2a2a2a2a-2000-4aaa-8aaa-00000000a200';
const IVR = '1f1f1f1f-3000-4aaa-8aaa-00000000a300';
const QUEUE = '5000@a.example.test';
const NOT_YET = { hangup_cause: undefined, hangup_party: undefined };
const rows: Row[] = [
  ['01-outbound-caller-hangup', 'ringing', 'L2', { flow_id: 'L1', extension: '1001', caller_name: '1001', switch: 'pbx', answered_by: undefined, ...NOT_YET, other_legs: ['L1 caller 1001'] }],
  ['01-outbound-caller-hangup', 'hangup', 'L1', { answered_by: 'human', hangup_cause: 'NORMAL_CLEARING', hangup_party: 'caller', other_legs: ['L2 gateway 0901234567'] }],
  ['03-outbound-busy', 'cdr', 'L1', { answered_by: undefined, hangup_cause: 'USER_BUSY', hangup_party: 'callee' }],
  ['04-outbound-cancel', 'hangup', 'L1', { hangup_cause: 'ORIGINATOR_CANCEL', hangup_party: 'caller' }],
  ['05-outbound-503', 'cdr', 'L1', { hangup_cause: 'NORMAL_TEMPORARY_FAILURE', hangup_party: 'callee' }],
  ['06-inbound-ext-answered', 'answered', 'L2', { extension: '1001', answered_by: 'human', ...NOT_YET, other_legs: ['L1 caller 0912345678'] }],
  ['06-inbound-ext-answered', 'hangup', 'L2', { hangup_cause: 'NORMAL_CLEARING', hangup_party: 'caller' }],
  ['07-inbound-ext-noanswer', 'hangup', 'L2', { extension: '1006', answered_by: undefined, hangup_cause: 'NO_ANSWER', hangup_party: 'switch' }],
  ['07c-inbound-ext-unregistered', 'missed', 'L1', { extension: undefined, hangup_cause: 'USER_NOT_REGISTERED', hangup_party: 'switch', other_legs: [] }],
  ['08-inbound-abandon', 'cdr', 'L1', { hangup_party: 'caller', answered_by: undefined }],
  ['09-ringgroup-simultaneous', 'hangup', 'L2', { extension: '1001', hangup_cause: 'LOSE_RACE', hangup_party: 'switch', answered_by: undefined }],
  ['09-ringgroup-simultaneous', 'hangup', 'L4', { extension: '1002', hangup_party: 'caller', answered_by: 'human', ring_group: RING_GROUP }],
  ['09-ringgroup-simultaneous', 'cdr', 'L1', { extension: '1002', ring_group: RING_GROUP, other_legs: ['L2 extension 1001', 'L3 extension 1003', 'L4 extension 1002'] }],
  ['11-ivr-to-ext', 'cdr', 'L1', { ivr: IVR, answered_by: 'human', extension: '1001' }],
  ['11b-ivr-abandon', 'cdr', 'L1', { ivr: IVR, answered_by: 'ivr', hangup_party: 'caller', extension: undefined }],
  ['12-callcenter-queue', 'hangup', 'L2', { queue: QUEUE, extension: '1003', hangup_cause: 'NO_ANSWER', hangup_party: 'switch', other_legs: ['L1 caller 0912345678'] }],
  ['12-callcenter-queue', 'cdr', 'L1', {
    queue: QUEUE, extension: '1004', answered_by: 'human', other_legs: ['L2 agent 1003', 'L3 agent 1004'], recording: { url: 'https://rec.example.test/a.example.test/L1.wav', seconds: 6, state: 'ready' },
  }],
  ['13-blind-transfer-refer', 'hangup', 'L2', { hangup_party: 'transfer', transferred_to: '1002' }],
  ['13-blind-transfer-refer', 'hangup', 'L3', { hangup_party: 'caller', transferred_to: undefined }],
  ['13-blind-transfer-refer', 'cdr', 'L1', { hangup_party: 'caller', transferred_to: '1002' }],
  ['14-attended-transfer-refer', 'cdr', 'L3', { hangup_party: 'transfer' }],
  ['14-attended-transfer-refer', 'cdr', 'L1', { hangup_party: 'caller', transferred_to: '1002', other_legs: ['L2 extension 1001', 'L4 transfer 1002'] }],
  ['15-local-call', 'cdr', 'L1', { extension: '1002', hangup_party: 'caller' }],
  ['16-click2call-bridge', 'hangup', 'L1', { extension: '1001', hangup_party: 'callee', answered_by: 'human' }],
  ['17-autocall', 'hangup', 'L1', { extension: undefined, hangup_party: undefined, answered_by: 'human' }],
  ['17-autocall', 'cdr', 'L1', { hangup_party: 'switch' }],
  ['20-recorded-inbound', 'hangup', 'L2', { recording: { url: 'https://rec.example.test/a.example.test/L1.wav', state: 'pending' } }],
  ['20-recorded-inbound', 'cdr', 'L1', { recording: { url: 'https://rec.example.test/a.example.test/L1.wav', seconds: 4, state: 'ready' } }],
  ['21-unicode-callerid', 'ringing', 'L2', { caller_name: 'Nguyễn Văn Á' }],
  ['24-loopback-bowout', 'cdr', 'L1', { extension: '1001', other_legs: ['L4 extension 1001'] }],
];

it.each(rows)('%s: %s of %s', async (name, state, leg, expected) => {
  const found = (await told(name)).find(({ shown }) => shown['state'] === state && shown['leg_id'] === leg)?.shown;
  expect(found).toBeDefined();
  expect(Object.fromEntries(Object.keys(expected).map((key) => [key, found?.[key]]))).toEqual(expected);
});

const INBOUND = { variable_domain_name: 'a.example.test', variable_call_direction: 'inbound' };
const cdrOf = (script: Script, rules = RULES) => play(script.events, rules, EVERYTHING).notices.find(({ state }) => state === 'cdr')?.detail;

it.each<[string, Record<string, string>, string]>([
  ['voicemail', { voicemail_id: '1001' }, 'voicemail'],
  ['voicemail', { current_application: 'voicemail' }, 'voicemail'],
  ['fax', { current_application: 'rxfax' }, 'fax'],
  ['conference', { conference_name: 'room' }, 'conference'],
  ['a queue', { current_application: 'callcenter' }, 'queue'],
  ['voicemail after a queue and a menu', { ivr_menu_uuid: 'i', cc_queue: 'q', voicemail_action: 'save' }, 'voicemail'],
  ['something else', { current_application: 'playback' }, 'application'],
])('says when %s picked up: %j', (_name, variables, by) => {
  expect(cdrOf(new Script().ringsIn('R', 0, '0900', '8428', INBOUND).answers('R', 100).tells('R', 200, variables).ends('R', 900))).toMatchObject({ answered_by: by });
});

it.each<[string, Script, string | undefined]>([
  ['uuid_kill of a call that is spoken', talking().ends('X', 900, 'NORMAL_CLEARING', { variable_sip_hangup_disposition: 'send_bye' }).ends('R', 905, 'NORMAL_CLEARING', { variable_sip_hangup_disposition: 'send_bye' }), 'switch'],
  ['the callee, by the order alone', talking().ends('X', 900).ends('R', 905), 'callee'],
  ['the caller, by the order alone', talking().ends('R', 900).ends('X', 905), 'caller'],
  ['the callee who declines', new Script().ringsIn('R', 0, '0900', '8428').rings('X', 'R', 100, '1001', INBOUND).ends('X', 900, 'CALL_REJECTED', { variable_sip_hangup_disposition: 'recv_refuse' }).ends('R', 905, 'CALL_REJECTED'), 'callee'],
  ['a shutdown', talking().ends('R', 900, 'SYSTEM_SHUTDOWN').ends('X', 901, 'SYSTEM_SHUTDOWN'), 'switch'],
])('says who ended it: %s', (_name, script, party) => {
  expect(cdrOf(script)?.hangup_party).toBe(party);
});

function talking(): Script {
  return new Script().ringsIn('R', 0, '0900', '8428').rings('X', 'R', 100, '1001', INBOUND).answers('X', 500).answers('R', 510);
}

describe('variables that the operator has chosen', () => {
  const rules = { ...RULES, detail: { ...RULES.detail, variables: ['campaign', 'domain_name', 'absent'] } };

  it('come from the leg, else from the root', () => {
    const script = new Script().ringsIn('R', 0, '0900', '8428', { variable_campaign: 'root' }).rings('X', 'R', 100, '1001', { ...INBOUND, variable_campaign: 'leg' }).rings('Y', 'R', 200, '1002', INBOUND);
    expect(play(script.events, rules, EVERYTHING).notices.map(({ detail }) => detail?.variables)).toEqual([
      { campaign: 'leg', domain_name: 'a.example.test' }, { campaign: 'root', domain_name: 'a.example.test' },
    ]);
  });

  it('are cut at 1 KiB, between characters', () => {
    expect(cut('a'.repeat(1_024))).toHaveLength(1_024);
    expect(cut('a'.repeat(1_025))).toHaveLength(1_024);
    expect(cut(`a${'ễ'.repeat(400)}`)).toBe(`a${'ễ'.repeat(341)}`);
    expect(cut(`ab${'ễ'.repeat(400)}`)).toBe(`ab${'ễ'.repeat(340)}`);
    const script = new Script().ringsIn('R', 0, '0900', '8428', { ...INBOUND, variable_campaign: 'x'.repeat(30_000) }).ends('R', 900);
    expect(cdrOf(script, rules)?.variables?.['campaign']).toHaveLength(1_024);
  });
});

it('tells nothing of who ended a call whose end was concluded', () => {
  const { calls } = play(talking().events, RULES, EVERYTHING);
  const ends = calls.endMissing({ up: new Set(), sinceMs: 1_000_000, heardUs: 0, why: 'lost' }, 2_000_000);
  expect(ends.map(({ state, detail }) => [state, detail?.hangup_party, detail?.hangup_cause])).toEqual([['hangup', undefined, undefined], ['cdr', undefined, undefined]]);
});

it('lists fifty legs at most', () => {
  const script = new Script().ringsIn('R', 0, '0900', '8428', INBOUND);
  for (let leg = 1; leg <= 60; leg += 1) script.rings(`X${leg}`, 'R', leg, String(1_000 + leg), INBOUND).ends(`X${leg}`, 500, 'NO_ANSWER');
  expect(cdrOf(script.ends('R', 900))?.other_legs).toHaveLength(50);
});

import type { Asked } from '../../src/calls/asked.js';
import { Calls } from '../../src/calls/calls.js';
import { CALL_STATES, type Notice } from '../../src/calls/notice.js';
import { asGolden, byFlow, eventsOf, EVERYTHING, goldensOf, play, recordedCalls, RULES, settle, TENANTS } from '../support/goldens.js';
import { Script, START_US } from '../support/script.js';

const INBOUND = { variable_domain_name: 'a.example.test', variable_call_direction: 'inbound' };
const FILE = '/rec/a.example.test/one.wav';
const names = await recordedCalls();
const states = (notices: readonly Notice[]) => notices.map(({ state }) => state);
const told = (script: Script, rules = RULES, asked = EVERYTHING) => play(script.events, rules, asked).notices;
const ofState = (notices: readonly Notice[], state: string) => notices.filter((notice) => notice.state === state).map(({ payload }) => payload);

/** A caller rings in and talks with 1001. */
const talking = () => new Script().ringsIn('R', 0, '0900', '8428').rings('X', 'R', 100, '1001', INBOUND).answers('X', 500).answers('R', 510);
const stops = (script: Script, leg: string, atMs: number, file = FILE) => script.event('RECORD_STOP', leg, atMs, { 'Record-File-Path': file, variable_record_ms: '4900' });

it.each(names)('what is told besides changes nothing of the four: %s', async (name) => {
  const { notices } = play(await eventsOf(name), RULES, EVERYTHING);
  const four = notices.filter(({ state }) => (CALL_STATES as readonly string[]).includes(state));
  expect(byFlow(four.map(asGolden))).toEqual(byFlow(await goldensOf(name)));
});

it('neither reads nor makes anything while nobody asks', () => {
  const read = new Set<string>();
  const spied = stops(talking(), 'R', 800).ends('R', 900).ends('X', 905).events.map((event) => ({ ...event, get: (header: string) => { read.add(header); return event.get(header); } }));
  const notices = play(spied).notices;
  expect(states(notices)).toEqual(['ringing', 'answered', 'hangup', 'cdr']);
  expect(notices.flatMap(({ detail }) => detail ?? [])).toEqual([]);
  expect([...read].filter((header) => /disposition$|transfer|voicemail|current_application/.test(header))).toEqual(['variable_originate_disposition']);
});

it('begins with what is asked for in the middle of a call', () => {
  let asked = false;
  const asks: Asked = { anything: () => asked, event: () => asked, detail: () => asked };
  const { calls, notices } = play(stops(talking(), 'R', 600, '/rec/early.wav').events, RULES, asks);
  asked = true;
  for (const event of stops(new Script(), 'R', 700).ends('R', 900).ends('X', 905).events) notices.push(...calls.accept(event));
  expect(states(notices)).toEqual(['ringing', 'answered', 'recording', 'hangup', 'cdr']);
  expect(ofState(notices, 'recording').map(({ recording_url }) => recording_url)).toEqual(['https://rec.example.test/a.example.test/one.wav']);
  expect(notices.map(({ detail }) => detail !== undefined)).toEqual([false, false, true, true, true]);
});

describe('missed', () => {
  const ringing = () => new Script().ringsIn('R', 0, '0900', '8428').rings('X', 'R', 100, '1001', INBOUND);
  const inQueue = (reason: Record<string, string>) => new Script().ringsIn('R', 0, '0900', '8428', INBOUND).answers('R', 100).tells('R', 150, { cc_queue: 'q', ...reason });
  const gaveUp = { variable_sip_hangup_disposition: 'recv_bye' };
  const dropped = { variable_sip_hangup_disposition: 'send_bye' };

  it.each<[string, Script, string]>([
    ['nobody picked up', ringing().ends('X', 900, 'NO_ANSWER').ends('R', 900, 'NO_ANSWER'), 'no-answer'],
    ['busy', ringing().ends('X', 900, 'USER_BUSY', { variable_sip_hangup_disposition: 'recv_refuse' }).ends('R', 900, 'USER_BUSY'), 'busy'],
    ['the caller gave up', ringing().hangsUp('R', 900, 'ORIGINATOR_CANCEL').ends('X', 900, 'ORIGINATOR_CANCEL').completes('R', 905), 'abandoned'],
    ['not registered', new Script().ringsIn('R', 0, '0900', '8428', { ...INBOUND, variable_originate_disposition: 'USER_NOT_REGISTERED' }).ends('R', 900), 'unavailable'],
    ['voicemail', ringing().ends('X', 900, 'NO_ANSWER').answers('R', 1_000).tells('R', 1_100, { voicemail_id: '1001' }).ends('R', 2_000, 'NORMAL_CLEARING', gaveUp), 'voicemail'],
    ['hung up in a menu', new Script().ringsIn('R', 0, '0900', '8428', INBOUND).answers('R', 50).tells('R', 60, { ivr_menu_uuid: 'm' }).ends('R', 900, 'NORMAL_CLEARING', gaveUp), 'ivr'],
    ['waited too long in a queue', inQueue({ cc_cancel_reason: 'TIMEOUT' }).ends('R', 900), 'queue-timeout'],
    ['no agent was there', inQueue({ cc_cancel_reason: 'NO_AGENT_TIMEOUT' }).ends('R', 900), 'queue-timeout'],
    ['gave up in a queue', inQueue({ cc_cancel_reason: 'BREAK_OUT' }).ends('R', 900, 'NORMAL_CLEARING', gaveUp), 'abandoned'],
    ['an announcement', new Script().ringsIn('R', 0, '0900', '8428', INBOUND).answers('R', 50).ends('R', 900, 'NORMAL_CLEARING', dropped), 'no-answer'],
  ])('says why: %s', (_name, script, reason) => {
    const notices = told(script);
    expect(states(notices).slice(-2)).toEqual(['missed', 'cdr']);
    const [missed, cdr] = notices.slice(-2).map(({ payload }) => payload);
    const fields = Object.keys(cdr!).filter((field) => field !== 'recording_url');
    expect(Object.keys(missed!)).toEqual([...fields, 'missed_reason']);
    expect({ ...cdr, ...missed }).toEqual({ ...cdr, state: 'missed', missed_reason: reason });
  });

  it.each<[string, Script]>([
    ['an answered call', talking().ends('R', 900).ends('X', 905)],
    ['an outbound call', new Script().ringsIn('R', 0, '1001', '0901', { ...INBOUND, variable_call_direction: 'outbound' }).ends('R', 100, 'GATEWAY_DOWN')],
    ['a local call', new Script().ringsIn('R', 0, '1001', '1002', { ...INBOUND, variable_call_direction: 'local' }).rings('X', 'R', 50, '1002', INBOUND).ends('X', 90, 'NO_ANSWER').ends('R', 100)],
    ['a fax', new Script().ringsIn('R', 0, '0900', '8428', INBOUND).answers('R', 50).tells('R', 60, { current_application: 'rxfax' }).ends('R', 900)],
    ['a conference', new Script().ringsIn('R', 0, '0900', '8428', INBOUND).answers('R', 50).tells('R', 60, { conference_name: 'room' }).ends('R', 900)],
  ])('is not told of %s', (_name, script) => {
    expect(states(told(script))).not.toContain('missed');
  });

  it('is told only where it is asked for', () => {
    const asked: Asked = { anything: () => true, event: (domain, state) => domain === 'a.example.test' && state === 'recording', detail: () => false };
    expect(states(told(ringing().ends('X', 900, 'NO_ANSWER').ends('R', 900), RULES, asked))).toEqual(['ringing', 'hangup', 'cdr']);
  });
});

describe('recording', () => {
  it('is told once for each file, when it is ready', () => {
    const script = stops(stops(stops(talking(), 'R', 700), 'R', 750), 'X', 800, '/rec/two.wav').ends('R', 900).ends('X', 905);
    const notices = told(script);
    expect(states(notices)).toEqual(['ringing', 'answered', 'recording', 'recording', 'hangup', 'cdr']);
    expect(new Set(notices.map(({ flowId, subjectId, state }) => `${flowId} ${subjectId} ${state}`)).size).toBe(notices.length);
    const answered = ofState(notices, 'answered')[0]!;
    expect(ofState(notices, 'recording')[0]).toEqual({
      ...answered, state: 'recording', recording_url: 'https://rec.example.test/a.example.test/one.wav', status: 'answered', recording_seconds: 4,
    });
    expect(notices[2]).toMatchObject({ occurredAtUs: START_US + 700_000, detail: { recording: { state: 'ready', seconds: 4 } } });
  });

  it('has no status while the call is up and nobody has answered, and freezes nothing', () => {
    const script = stops(new Script().ringsIn('R', 0, '0900', '8428', { variable_domain_name: 'a.example.test' }), 'R', 50)
      .tells('R', 60, { call_direction: 'local' }).rings('X', 'R', 100, '1001', { variable_domain_name: 'a.example.test' });
    const notices = told(script);
    expect(notices.map(({ payload }) => [payload.state, payload.status, payload.direction])).toEqual([['recording', '', 'inbound'], ['ringing', undefined, 'local']]);
  });

  it('may come after the cdr', () => {
    const { calls, notices } = play(talking().ends('R', 900).ends('X', 905).events, RULES, EVERYTHING);
    expect(calls.legsKnown).toBe(0); // so this one has been forgotten, and opens nothing
    expect(states(notices).at(-1)).toBe('cdr');
    const late = told(stops(talking().ends('R', 900).ends('X', 905), 'R', 950));
    expect(states(late)).toEqual(['ringing', 'answered', 'hangup', 'cdr', 'recording']);
    expect(late.at(-1)!.position).toBe(5);
  });

  it.each([['that it left, while that is not over', 800, 'S'], ['that it has joined', 1_800, 'R']])('of a leg that was transferred is told once, in the flow %s', (_name, atMs, flow) => {
    const script = new Script().ringsIn('R', 0, '0900', '8428').rings('X', 'R', 100, '1001', INBOUND).answers('X', 200).answers('R', 210)
      .ringsIn('S', 300, '1001', '1002', INBOUND).rings('Y', 'S', 310, '1002', INBOUND).answers('Y', 400).bridges('R', 'Y', 500).ends('S', 510).ends('X', 520);
    const notices = told(stops(script, 'Y', atMs).ends('R', 2_000).ends('Y', 2_010));
    expect(notices.filter(({ state }) => state === 'recording').map(({ flowId }) => flowId)).toEqual([flow]);
  });
});

describe('a cdr that waits for the recording', () => {
  const rules = { ...RULES, cdr: { ...RULES.cdr, recordingWaitMs: 8_000 } };
  const named = () => talking().tells('R', 520, { record_path: '/rec', record_name: 'one.wav' }).ends('R', 900).ends('X', 905);
  const newCalls = () => new Calls({ switchName: 'pbx', rules, tenantOf: (name) => (TENANTS.has(name) ? name : undefined), unattributed: () => {}, dropped: () => {} });

  function heard(script: Script) {
    const calls = newCalls();
    return { calls, notices: script.events.flatMap((event) => calls.accept(event)) };
  }

  it('goes with its RECORD_STOP, also after the legs would have been forgotten', () => {
    const { calls, notices } = heard(named());
    notices.push(...calls.tick(7_000));
    expect(states(notices)).toEqual(['ringing', 'answered', 'hangup']);
    const stop = stops(new Script(), 'R', 7_500, '/mnt/elsewhere/one.wav').events;
    expect(states(stop.flatMap((event) => calls.accept(event)))).toEqual(['cdr']);
    settle(calls);
    expect(calls.legsKnown).toBe(0);
  });

  it('goes without it at its bound', () => {
    const { calls } = heard(named());
    expect(states(calls.tick(8_899))).toEqual([]);
    expect(states(calls.tick(8_900))).toEqual(['cdr']);
  });

  it.each<[string, Script]>([
    ['no recording is named', talking().ends('R', 900).ends('X', 905)],
    ['it has stopped before', stops(talking().tells('R', 520, { record_path: '/rec', record_name: 'one.wav' }), 'R', 890).ends('R', 900).ends('X', 905)],
    ['nobody answered', new Script().ringsIn('R', 0, '0900', '8428').rings('X', 'R', 100, '1001', { ...INBOUND, variable_record_name: 'one.wav' }).ends('X', 800).ends('R', 900)],
  ])('does not wait where %s', (_name, script) => {
    expect(states(heard(script).notices).at(-1)).toBe('cdr');
  });

  it('waits on in the next process', () => {
    const calls = newCalls();
    // The root's end alone makes no webhook here, and must be kept all the same.
    const script = new Script().ringsIn('R', 0, '1001', '0901', { ...INBOUND, variable_call_direction: 'outbound' }).rings('X', 'R', 100, '0901', INBOUND)
      .answers('X', 500).answers('R', 510).tells('R', 520, { record_path: '/rec', record_name: 'one.wav' }).ends('X', 895).ends('R', 900);
    const kept = script.events.flatMap((event) => { calls.accept(event); return calls.takeKept(); }).at(-1)!;
    const next = newCalls();
    expect(next.restore(kept.state!, 2_000)).toBe(true);
    expect(states(next.tick(9_999))).toEqual([]);
    expect(next.tick(10_000).map(({ state, payload, synthetic }) => [state, payload.time_ended, synthetic])).toEqual([['cdr', '2026-11-22 12:00:00', undefined]]);
  });
});

it('a recording that was told is not told again by the next process', () => {
  const { calls } = play(stops(talking(), 'R', 700).events, RULES, EVERYTHING);
  const kept = calls.takeKept().at(-1)!;
  const next = new Calls({ switchName: 'pbx', rules: RULES, tenantOf: (name) => name, unattributed: () => {}, dropped: () => {}, asked: EVERYTHING });
  next.restore(kept.state!, 1_000);
  expect(states(new Script().ends('R', 900).ends('X', 905).events.flatMap((event) => next.accept(event)))).toEqual(['hangup', 'cdr']);
});

it('what another daemon has told is not told again, and what only it has heard is', () => {
  const other = play(stops(talking(), 'R', 700).events, RULES, EVERYTHING).calls.takeKept().at(-1)!;
  const { calls, notices } = play(stops(stops(talking(), 'R', 700), 'R', 710, '/rec/two.wav').events, RULES, { ...EVERYTHING, event: () => false });
  expect(states(notices)).toEqual(['ringing', 'answered']);
  const third = play(talking().events, RULES, EVERYTHING).calls;
  third.restore(other.state!, 1_000);
  third.restore(calls.takeKept().at(-1)!.state!, 1_000);
  expect(states(third.tick(1_001))).toEqual([]);
  expect(states(stops(stops(new Script(), 'R', 800), 'X', 810, '/rec/three.wav').events.flatMap((event) => third.accept(event)))).toEqual(['recording']);
});

it('takes back a flow that was kept before there was any of this', () => {
  const { calls } = play(talking().events);
  const { recordingOver, ...older } = JSON.parse(calls.takeKept().at(-1)!.state!) as Record<string, unknown>;
  expect(recordingOver).toBe(false);
  const next = new Calls({ switchName: 'pbx', rules: RULES, tenantOf: (name) => name, unattributed: () => {}, dropped: () => {}, asked: EVERYTHING });
  expect(next.restore(JSON.stringify(older), 1_000)).toBe(true);
  const notices = stops(new Script(), 'R', 800).ends('R', 900).ends('X', 905).events.flatMap((event) => next.accept(event));
  expect(states(notices)).toEqual(['recording', 'hangup', 'cdr']);
});

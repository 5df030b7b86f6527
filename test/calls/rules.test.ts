import type { Notice } from '../../src/calls/notice.js';
import { play, RULES, settle } from '../support/goldens.js';
import { Script } from '../support/script.js';

const A = { variable_domain_name: 'a.example.test' };
const GATEWAY = { variable_sip_gateway_name: 'gw' };
const INBOUND = { ...A, variable_call_direction: 'inbound' };
const LOCAL = { ...A, variable_call_direction: 'local', 'Caller-Context': 'a.example.test' };

const story = (notices: readonly Notice[]) => notices.map(({ flowId, payload: { state, call_id } }) => `${flowId}: ${state} ${call_id}`);
const last = (notices: readonly Notice[], state: string) => notices.filter((notice) => notice.state === state).at(-1)?.payload;
const told = (script: Script, rules = RULES) => play(script.events, rules).notices;
const time = (seconds: number) => new Date(Date.UTC(2026, 10, 22, 12, 0, seconds)).toISOString().slice(0, 19).replace('T', ' ');

describe('one caller and many extensions', () => {
  const inbound = (rest: (script: Script) => Script) => story(told(rest(new Script().ringsIn('R', 0, '0900', '8428')).ends('R', 9_000)));

  it.each<[string, (script: Script) => Script, string]>([
    ['one extension carries the flow\'s id', (s) => s.rings('X', 'R', 100, '1001', INBOUND).ends('X', 8_000), 'R: ringing R'],
    ['a ring group\'s extension its own', (s) => s.tells('R', 50, { ring_group_uuid: 'g' }).rings('X', 'R', 100, '1001', INBOUND).ends('X', 8_000), 'R: ringing X'],
    ['a root answered before any callee: its own', (s) => s.answers('R', 50).rings('X', 'R', 100, '1001', INBOUND).ends('X', 8_000), 'R: ringing X'],
    ['a forward to another extension than dialled: its own', (s) => s.rings('X', 'R', 100, '1001', { ...INBOUND, variable_dialed_user: '1009' }).ends('X', 8_000), 'R: ringing X'],
  ])('%s', (_name, rest, first) => {
    expect(inbound(rest)[0]).toBe(first);
  });

  it('leaves the first leg the id that its ringing announced when a second one rings', () => {
    expect(inbound((s) => s.rings('X', 'R', 100, '1001', INBOUND).rings('Y', 'R', 200, '1002', INBOUND).ends('X', 8_000).ends('Y', 8_100))).toEqual([
      'R: ringing R', 'R: ringing Y', 'R: hangup R', 'R: hangup Y', 'R: cdr R',
    ]);
  });
});

describe('outbound', () => {
  it('announces one call however many trunks are tried; a trunk gives the direction where no variable does', () => {
    const notices = told(new Script().ringsIn('R', 0, '1001', '0901', { ...A, 'Caller-Context': 'a.example.test' })
      .rings('T1', 'R', 100, '0901', { ...A, ...GATEWAY }).ends('T1', 200, 'NORMAL_TEMPORARY_FAILURE')
      .rings('T2', 'R', 300, '0901', { ...A, ...GATEWAY }).answers('T2', 2_000).answers('R', 2_010).ends('T2', 5_900).ends('R', 6_100));
    expect(story(notices)).toEqual(['R: ringing R', 'R: answered R', 'R: hangup R', 'R: cdr R']);
    expect(last(notices, 'hangup')).toMatchObject({ direction: 'outbound', hotline: 'shown', time_started: time(0), time_answered: time(2), time_ended: time(6), duration: 6, billsec: 4 });
  });

  it('says a cdr alone when nobody could be rung', () => {
    const notices = told(new Script().ringsIn('R', 0, '1001', '0901', { ...A, variable_call_direction: 'outbound' }).ends('R', 100, 'GATEWAY_DOWN'));
    expect(notices.map(({ payload }) => [payload.state, payload.status, payload.hotline, payload.to_number])).toEqual([['cdr', 'not-available', '', '0901']]);
  });
});

describe('legs that the switch originates', () => {
  it('lets a customer who is rung by an auto dialler speak for himself, and nobody else', () => {
    const notices = told(new Script().originates('R', 0, '8428', '0909', { ...A, variable_autodialer: 'true', variable_call_direction: 'outbound' })
      .answers('R', 1_000).rings('X', 'R', 1_100, '1001', A).answers('X', 2_000).ends('X', 5_000).ends('R', 5_100));
    expect(story(notices)).toEqual(['R: ringing R', 'R: answered R', 'R: hangup R', 'R: cdr R']);
    expect(last(notices, 'cdr')).toMatchObject({ application: 'autodialer', from_number: '8428', to_number: '0909', hotline: '8428', time_answered: time(1), status: 'answered' });
  });

  it('takes the SIP Call-ID of a rung root\'s ringing from its CREATE only', () => {
    const script = new Script().originates('R', 0, '8428', '0909', { ...GATEWAY, variable_call_direction: 'outbound' });
    const notices = told(script.tells('R', 200, { sip_call_id: 'late', domain_name: 'a.example.test' }).ends('R', 900, 'USER_BUSY'));
    expect(notices.map(({ payload }) => [payload.state, payload.sip_call_id])).toEqual([['ringing', ''], ['hangup', 'late'], ['cdr', 'late']]);
    expect(last(notices, 'cdr')).toMatchObject({ direction: 'outbound', application: 'dial', status: 'busy' });
  });

  it('rings the customer second in click2call, and shows the number behind the caller ID where he was never rung', () => {
    const c2c = { ...A, variable_click_to_call: 'true', variable_call_direction: 'outbound' };
    const called = told(new Script().originates('R', 0, '0901', '1001', c2c).answers('R', 500).rings('T', 'R', 600, '0901', { ...c2c, ...GATEWAY }).ends('T', 900, 'USER_BUSY').ends('R', 950));
    expect(called.map(({ payload }) => [payload.state, payload.from_number, payload.to_number, payload.status])).toEqual([
      ['ringing', '1001', '0901', undefined], ['hangup', '1001', '0901', undefined], ['cdr', '1001', '0901', 'busy'],
    ]);
    const alone = told(new Script().originates('R', 0, '0901', '1001', c2c).ends('R', 900, 'NO_ANSWER'));
    expect(alone.map(({ payload }) => [payload.state, payload.to_number, payload.status])).toEqual([['cdr', '0901', 'invalid']]);
  });
});

describe('transfer and pickup', () => {
  const answered = () => new Script().ringsIn('R', 0, '0900', '8428').rings('X', 'R', 100, '1001', INBOUND).answers('X', 1_000).answers('R', 1_010).bridges('R', 'X', 1_010);

  it('announces a leg that picks a call up as one more extension, from its bridge on', () => {
    const notices = told(new Script().ringsIn('R', 0, '0900', '8428').rings('X', 'R', 100, '1001', INBOUND)
      .ringsIn('P', 2_000, '1003', '*8', LOCAL).answers('P', 2_050).bridges('R', 'P', 2_100).ends('X', 2_150, 'PICKED_OFF').ends('P', 7_000).ends('R', 7_050));
    expect(story(notices.filter(({ flowId }) => flowId === 'R'))).toEqual(['R: ringing R', 'R: ringing P', 'R: answered P', 'R: hangup R', 'R: hangup P', 'R: cdr R']);
    const joined = notices.find(({ flowId, legId, state }) => flowId === 'R' && legId === 'P' && state === 'hangup')!;
    expect(joined.payload).toMatchObject({ time_started: time(2), time_answered: time(2), time_ended: time(7), duration: 5, billsec: 5, sip_call_id: 'sip-R', direction: 'inbound' });
    expect(story(notices.filter(({ flowId }) => flowId === 'P'))).toEqual(['P: cdr P']);
  });

  it('takes nobody into an outbound flow', () => {
    const out = { ...A, variable_call_direction: 'outbound' };
    const notices = told(new Script().ringsIn('R', 0, '1001', '0901', out).rings('T', 'R', 100, '0901', { ...out, ...GATEWAY }).answers('T', 1_000)
      .ringsIn('C', 2_000, '1001', '1002', LOCAL).rings('D', 'C', 2_100, '1002', LOCAL).answers('D', 3_000).bridges('R', 'D', 4_000).ends('C', 4_100).ends('D', 8_000).ends('T', 8_000).ends('R', 8_010));
    expect(story(notices.filter(({ flowId }) => flowId === 'R'))).toEqual(['R: ringing R', 'R: answered R', 'R: hangup R', 'R: cdr R']);
  });

  it('ends a leg that left by a transfer with its flow, and is silent about its real end', () => {
    const notices = told(answered().ends('R', 5_000).ends('X', 9_000));
    expect(story(notices)).toEqual(['R: ringing R', 'R: answered R', 'R: hangup R', 'R: cdr R']);
    expect(last(notices, 'hangup')).toMatchObject({ time_ended: time(5), duration: 5 });
  });

  it('waits with the cdr for a leg that hangs up within the linger', () => {
    const notices = told(answered().ends('R', 5_000).ends('X', 5_400));
    expect(notices.map(({ payload }) => [payload.state, payload.time_ended])).toEqual([['ringing', ''], ['answered', ''], ['hangup', time(5)], ['cdr', time(5)]]);
  });

  it('does not announce a leg created after the root\'s end in that flow', () => {
    const notices = told(answered().ends('R', 5_000).rings('Y', 'R', 5_100, '1002', INBOUND).ends('X', 5_200).ends('Y', 6_000));
    expect(story(notices.filter(({ flowId }) => flowId === 'R'))).toEqual(['R: ringing R', 'R: answered R', 'R: hangup R', 'R: cdr R']);
    expect(story(notices.filter(({ flowId }) => flowId !== 'R'))).toEqual(['Y: cdr Y']);
  });

  it('lets such a leg join the flow that it is bridged into instead', () => {
    const notices = told(answered().ringsIn('S', 4_000, '0911', '8429').rings('Z', 'S', 4_100, '1004', INBOUND).answers('Z', 4_200)
      .ends('R', 5_000).rings('Y', 'R', 5_100, '1002', INBOUND).ends('X', 5_200).bridges('S', 'Y', 5_300).ends('Z', 5_400).ends('Y', 6_000).ends('S', 6_100));
    expect(story(notices.filter(({ legId }) => legId === 'Y'))).toEqual(['S: ringing Y', 'S: answered Y', 'S: hangup Y']);
    expect(notices.filter(({ flowId }) => flowId === 'Y')).toEqual([]);
  });
});

describe('ends that are told in part', () => {
  const ringing = () => new Script().ringsIn('R', 0, '0900', '8428').rings('X', 'R', 100, '1001', INBOUND);
  const ended = { 'Caller-Channel-Hangup-Time': String(Date.UTC(2026, 10, 22, 12, 0, 3) * 1_000), 'Hangup-Cause': 'NO_ANSWER' };

  it('takes DESTROY for a HANGUP_COMPLETE that did not come', () => {
    expect(story(told(ringing().hangsUp('X', 3_000, 'NO_ANSWER').hangsUp('R', 3_000, 'NO_ANSWER').destroys('X', 3_050).destroys('R', 3_050)))).toEqual(['R: ringing R', 'R: hangup R', 'R: cdr R']);
  });

  it('takes DESTROY for a HANGUP that did not come, a linger later, with the time it names', () => {
    const { calls, notices } = play([]);
    for (const event of ringing().destroys('X', 4_000, ended).destroys('R', 4_000, ended).events) notices.push(...calls.accept(event));
    expect(story(notices)).toEqual(['R: ringing R']);
    expect(calls.tick(4_499)).toEqual([]);
    notices.push(...settle(calls));
    expect(notices.map(({ payload }) => [payload.state, payload.time_ended])).toEqual([['ringing', ''], ['hangup', time(3)], ['cdr', time(3)]]);
  });

  it('never takes HANGUP_COMPLETE for HANGUP', () => {
    expect(story(told(ringing().completes('X', 3_000).completes('R', 3_000)))).toEqual(['R: ringing R']);
  });

  it('opens nothing for late events of a leg that has ended', () => {
    const notices = told(ringing().ends('X', 3_000).ends('R', 3_000).answers('X', 3_100).hangsUp('X', 3_200).completes('R', 7_000));
    expect(story(notices)).toEqual(['R: ringing R', 'R: hangup R', 'R: cdr R']);
  });
});

describe('the tenant', () => {
  it('is waited for, and then told everything with its own times', () => {
    const notices = told(new Script().ringsIn('R', 0, '0900', '8428').rings('X', 'R', 1_000, '1001').answers('X', 2_000).ends('X', 5_000).ends('R', 6_000, 'NORMAL_CLEARING', INBOUND));
    expect(notices.map(({ payload }) => [payload.state, payload.time_started, payload.time_answered, payload.time_ended])).toEqual([
      ['ringing', time(0), '', ''], ['answered', time(0), time(2), ''], ['hangup', time(0), time(2), time(5)], ['cdr', time(0), time(2), time(6)],
    ]);
  });

  it.each([
    ['domain_name', { variable_domain_name: 'a.example.test', variable_sip_req_host: 'b.example.test' }, 'a.example.test'],
    ['a name that is nobody\'s is passed over', { variable_domain_name: 'nobody.example.test', variable_sip_req_host: 'b.example.test' }, 'b.example.test'],
    ['the host of presence_id', { variable_presence_id: '1001@b.example.test' }, 'b.example.test'],
    ['the context', { 'Caller-Context': 'b.example.test' }, 'b.example.test'],
  ])('is read from %s', (_name, headers, domain) => {
    const [cdr] = told(new Script().ringsIn('R', 0, '0900', '8428', headers).ends('R', 1_000));
    expect(cdr?.domain).toBe(domain);
  });

  it('and the direction stay what the first webhook said', () => {
    const notices = told(new Script().ringsIn('R', 0, '0900', '8428').rings('X', 'R', 100, '1001', A)
      .tells('R', 200, { call_direction: 'local', domain_name: 'b.example.test' }).ends('X', 1_000).ends('R', 1_000));
    expect(notices.map(({ payload }) => [payload.domain, payload.direction])).toEqual(Array.from({ length: 3 }, () => ['a.example.test', 'inbound']));
  });
});

describe('the status of a flow', () => {
  const unanswered = (cause: string, ofCallee: string) => new Script().ringsIn('R', 0, '0900', '8428').rings('X', 'R', 100, '1001', INBOUND).ends('X', 2_000, ofCallee).ends('R', 2_000, cause);

  it.each([
    ['USER_BUSY', 'busy'], ['CALL_REJECTED', 'busy'], ['NO_ANSWER', 'no-answered'], ['ALLOTTED_TIMEOUT', 'no-answered'], ['PROGRESS_TIMEOUT', 'no-answered'],
    ['SUBSCRIBER_ABSENT', 'not-available'], ['RECOVERY_ON_TIMER_EXPIRE', 'not-available'], ['INCOMPATIBLE_DESTINATION', 'invalid'], ['constructor', 'invalid'],
  ])('%s of the callee means %s', (cause, status) => {
    expect(last(told(unanswered('NORMAL_CLEARING', cause)), 'cdr')?.status).toBe(status);
  });

  it.each<[string, Script, string]>([
    ['the caller gave up', unanswered('ORIGINATOR_CANCEL', 'NO_ANSWER'), 'cancel'],
    ['an application only picked up', new Script().ringsIn('R', 0, '0900', '8428', INBOUND).answers('R', 100).ends('R', 900), 'no-answered'],
    ['the last bridge\'s cause, where no leg was made', new Script().ringsIn('R', 0, '0900', '8428', { ...INBOUND, variable_last_bridge_hangup_cause: 'USER_NOT_REGISTERED' }).ends('R', 900), 'not-available'],
    ['a disposition that is no cause is passed over', new Script().ringsIn('R', 0, '0900', '8428', { ...INBOUND, variable_originate_disposition: 'SUCCESS' }).ends('R', 900, 'NO_ANSWER'), 'no-answered'],
  ])('%s', (_name, script, status) => {
    expect(last(told(script), 'cdr')?.status).toBe(status);
  });
});

describe('the PBX\'s own CDR event', () => {
  const rules = { ...RULES, cdr: { ...RULES.cdr, subclass: 'pbx::cdr' } };
  const call = () => new Script().ringsIn('R', 0, '0900', '8428').rings('X', 'R', 100, '1001', INBOUND).ends('X', 2_000).ends('R', 2_000, 'NO_ANSWER');
  const stored = (script: Script, headers: Record<string, string>) => script.event('CUSTOM', '', 4_000, { 'Event-Subclass': 'pbx::cdr', ...headers });

  it.each(['Unique-ID', 'variable_uuid', 'uuid', 'call_id'])('is waited for and names its call by any leg in %s; its fields win', (header) => {
    const notices = told(stored(call(), { [header]: 'X', recording_url: 'https://pbx.example.test/1.mp3', status: 'busy' }), rules);
    expect(story(notices)).toEqual(['R: ringing R', 'R: hangup R', 'R: cdr R']);
    expect(last(notices, 'cdr')).toMatchObject({ call_id: 'R', recording_url: 'https://pbx.example.test/1.mp3', status: 'busy', to_number: '1001' });
  });

  it('is waited for also when the legs of another call would be forgotten', () => {
    const { calls, notices } = play([], rules);
    for (const event of call().events) notices.push(...calls.accept(event));
    notices.push(...calls.tick(20_000), ...calls.tick(25_000));
    const [event] = new Script().event('CUSTOM', '', 30_000, { 'Event-Subclass': 'pbx::cdr', uuid: 'X', status: 'busy' }).events;
    notices.push(...calls.accept(event!));
    expect(last(notices, 'cdr')).toMatchObject({ status: 'busy' });
    settle(calls);
    expect(calls.legsKnown).toBe(0);
  });

  it('is done without after its bound', () => {
    const { calls, notices } = play([], rules);
    for (const event of call().events) notices.push(...calls.accept(event));
    notices.push(...calls.tick(31_999));
    expect(story(notices)).toEqual(['R: ringing R', 'R: hangup R']);
    expect(story(calls.tick(32_000))).toEqual(['R: cdr R']);
  });
});

describe('memory', () => {
  it('drops a flow that never ended after its age, and counts it', () => {
    const { calls, dropped } = play(new Script().ringsIn('R', 0, '0900', '8428').rings('X', 'R', 100, '1001', INBOUND).events);
    calls.tick(RULES.maxAgeMs - 1);
    expect(dropped).toEqual([]);
    calls.tick(RULES.maxAgeMs + 100);
    expect({ dropped, open: calls.openFlows, known: calls.legsKnown }).toEqual({ dropped: ['R'], open: 0, known: 0 });
  });
});

describe('parents that are known late', () => {
  it('rings a leg once the CREATE of its root has come too', () => {
    const script = new Script().rings('X', 'R', 100, '1001', INBOUND).answers('X', 1_000);
    const { calls, notices } = play(script.events);
    expect(notices).toEqual([]);
    const late = new Script().ringsIn('R', 0, '0900', '8428');
    expect(story(late.events.flatMap((event) => calls.accept(event)))).toEqual(['R: ringing R', 'R: answered R']);
  });

  it('links a queue\'s agent to its caller, although nothing else does', () => {
    const agent = { variable_cc_side: 'agent', variable_cc_member_session_uuid: 'R', 'Other-Type': '', variable_cc_queue: 'q' };
    const notices = told(new Script().ringsIn('R', 0, '0900', '8428').answers('R', 50).rings('X', '', 100, '1003', { ...A, ...agent }).ends('X', 900, 'NO_ANSWER').ends('R', 1_000));
    expect(story(notices)).toEqual(['R: ringing X', 'R: hangup X', 'R: cdr R']);
    expect(notices[0]?.payload.direction).toBe('inbound');
  });

  it('follows a loopback pair, which itself says nothing', () => {
    const half = { 'Channel-Name': 'loopback/1001-b', 'Call-Direction': 'inbound', variable_other_loopback_leg_uuid: 'LA', 'Other-Type': '' };
    const notices = told(new Script().ringsIn('R', 0, '0900', '8428').rings('LA', 'R', 100, '1001', { 'Channel-Name': 'loopback/1001-a', ...A })
      .create('LB', 110, { ...half, ...A }).rings('X', 'LB', 120, '1001', INBOUND).ends('X', 900).ends('LB', 910).ends('LA', 920).ends('R', 950));
    expect(story(notices)).toEqual(['R: ringing R', 'R: hangup R', 'R: cdr R']);
  });
});

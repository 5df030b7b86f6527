import { systemClock } from '../../src/clock.js';
import { openSurvey, type Survey, type SurveyOptions } from '../../src/esl/survey.js';
import { eventFrame } from '../../src/esl/wire.js';
import { fixtureBytes, fixtureRecording } from '../support/recording.js';
import { CORE_ID, PASSWORD, startSwitch, type TestSwitch } from '../support/switch.js';
import { manualClock } from './manual-clock.js';

let fake: TestSwitch;
let survey: Survey | undefined;
beforeEach(async () => { fake = await startSwitch(); });
afterEach(async () => {
  await survey?.close();
  await fake.close();
});

const open = (overrides: Partial<SurveyOptions> = {}) =>
  (survey = openSurvey({ switchName: 'pbx1', host: '127.0.0.1', port: fake.port, password: PASSWORD, clock: systemClock, ...overrides }));
const UUID = '48eddf90-2100-4262-b652-7c47105671c1';
const snapshot = (name: string) => fixtureBytes(`protocol/snapshot/${name}.txt`).toString();

it('asks which run of the switch it is', async () => {
  expect(await open().coreId()).toEqual({ kind: 'core', coreId: CORE_ID });
});

describe('channels', () => {
  it('are rows by column, as a real switch was heard to answer', async () => {
    fake.replay.answers.set('show channels as json', snapshot('show-channels-json'));
    const channels = await open().channels();
    expect(channels).toMatchObject({ kind: 'channels', rows: [
      { uuid: UUID, direction: 'inbound', dest: '1001', initial_dest: '842873001001', initial_context: 'public', callstate: 'ACTIVE' },
      { uuid: 'e549c15a-3fe3-4a8a-9b6d-84cf9b023228', direction: 'outbound', call_uuid: UUID },
    ] });
  });

  it('are none where the switch gives no rows', async () => {
    fake.replay.answers.set('show channels as json', snapshot('show-channels-json-empty'));
    expect(await open().channels()).toEqual({ kind: 'channels', rows: [] });
  });

  it.each([
    ['no JSON', 'nothing here', 'no list of channels'],
    ['another object', '{"rows":[]}', 'no list of channels'],
    ['null', 'null', 'no list of channels'],
    ['fewer rows than it counts', '{"row_count":2,"rows":[{"uuid":"u"}]}', 'a list of channels that is not whole'],
    ['a row without a uuid', '{"row_count":1,"rows":[{"name":"n"}]}', 'a channel without a uuid'],
    ['a row that is none', '{"row_count":1,"rows":[null]}', 'a channel without a uuid'],
  ])('%s is an answer that cannot be read', async (_what, text, reason) => {
    fake.replay.answers.set('show channels as json', text);
    expect(await open().channels()).toEqual({ kind: 'unreadable', reason });
  });

  it('may be 5,000 in 20 MB', async () => {
    const rows = Array.from({ length: 5_000 }, (_, index) => ({ uuid: `uuid-${index}`, name: 'x'.repeat(4_000) }));
    fake.replay.answers.set('show channels as json', JSON.stringify({ row_count: rows.length, rows }));
    const channels = await open().channels();
    expect(channels.kind === 'channels' && [channels.rows.length, channels.rows.at(-1)!.uuid]).toEqual([5_000, 'uuid-4999']);
  });
});

describe('a dump', () => {
  const dumped = async (text: string) => {
    fake.replay.answers.set(`uuid_dump ${UUID} json`, text);
    return await open().dump(UUID);
  };

  it('is the channel as an event', async () => {
    const dump = await dumped(snapshot('uuid_dump-json'));
    if (dump.kind !== 'channel') throw new Error(dump.kind);
    expect(dump.event).toMatchObject({ switchName: 'pbx1', name: 'CHANNEL_DATA', sequence: 852_671, timestampUs: 1_795_348_738_096_464 });
    expect([dump.event.get('Unique-ID'), dump.event.get('variable_accountcode'), dump.event.get('Caller-Channel-Answered-Time')]).toEqual([UUID, 'a.example.test', '1795348736836463']);
    expect(dump.event.receivedAtMs).toBeLessThanOrEqual(systemClock.monotonicMs());
  });

  it('is gone when the channel is', async () => {
    expect(await dumped(snapshot('uuid_dump-nosuch'))).toEqual({ kind: 'gone' });
  });

  it('may hold lists, and bytes that are not UTF-8', async () => {
    const opened = open();
    await opened.coreId();
    fake.freeze();
    const asked = opened.dump(UUID);
    const body = Buffer.from(`{"Event-Name":"CHANNEL_DATA","Unique-ID":"${UUID}","variable_list":["first","second"],"Caller-Caller-ID-Name":"Jos\xe9"}`, 'latin1');
    await fake.raw(Buffer.concat([Buffer.from(`Content-Type: api/response\nContent-Length: ${body.length}\n\n`), body]));
    const dump = await asked;
    expect(dump.kind === 'channel' && [dump.event.get('variable_list'), dump.event.get('Caller-Caller-ID-Name')]).toEqual(['first', 'Jos\ufffd']);
  });

  it.each([
    ['no JSON', 'hm', { kind: 'unreadable', reason: 'no dump of a channel' }],
    ['another event', '{"Event-Name":"HEARTBEAT"}', { kind: 'unreadable', reason: 'no dump of a channel' }],
    ['another refusal', '-ERR Invalid\n', { kind: 'refused', reason: '-ERR Invalid' }],
    ['a usage', '-USAGE: <uuid> [format]\n', { kind: 'refused', reason: '-USAGE: <uuid> [format]' }],
  ])('of %s is a value too', async (_what, text, value) => {
    expect(await dumped(text)).toEqual(value);
  });

  it('is never asked for by a uuid that would be another command', async () => {
    expect(await open().dump('u json\n\napi fsctl shutdown')).toMatchObject({ kind: 'unreadable' });
    await survey!.coreId();
    expect(fake.received()).toEqual([`auth ${PASSWORD}\n\napi global_getvar core_uuid\n\n`]);
  });

  it('is asked for at most so often in a second', async () => {
    const { clock, asleep, advance } = manualClock();
    const opened = open({ clock, perSecond: 100 });
    await opened.coreId();
    const dumps = Promise.all([1, 2, 3].map((n) => opened.dump(`nosuch-${n}`)));
    await asleep(10);
    await asleep(20);
    advance(10);
    await asleep(20);
    advance(10);
    expect(await dumps).toEqual([{ kind: 'gone' }, { kind: 'gone' }, { kind: 'gone' }]);
  });
});

it('is answered in the order of the questions, and hears no events', async () => {
  const opened = open();
  await fake.loggedIn(1);
  await fake.raw(eventFrame('{"Event-Name":"HEARTBEAT"}'));
  const all = Promise.all([opened.coreId(), opened.channels(), opened.dump(UUID)]);
  await fake.raw(eventFrame('{"Event-Name":"CHANNEL_CREATE"}'));
  expect(await all).toEqual([{ kind: 'core', coreId: CORE_ID }, { kind: 'channels', rows: [] }, { kind: 'gone' }]);
  expect(fake.received().join()).not.toContain('event json');
});

it('sees what the replayed switch has up', async () => {
  const { events } = await fixtureRecording('calls/06-inbound-ext-answered');
  await fake.replay.play({ events: events.slice(0, 8) }, { pace: 'full', unheard: true });
  const opened = open();
  const channels = await opened.channels();
  if (channels.kind !== 'channels') throw new Error(channels.kind);
  expect(channels.rows).toHaveLength(2);
  const dumps = await Promise.all(channels.rows.map(({ uuid }) => opened.dump(uuid)));
  expect(dumps.map((dump) => dump.kind === 'channel' && dump.event.get('Unique-ID'))).toEqual(channels.rows.map(({ uuid }) => uuid));
});

describe('a question that is lost', () => {
  const lost = (reason: string) => ({ kind: 'lost', reason });

  it('where nobody listens', async () => {
    await fake.close();
    expect(await open().channels()).toEqual(lost('refused ECONNREFUSED'));
  });

  it('by a wrong password', async () => {
    fake.behave('reject-password');
    expect(await open().coreId()).toEqual(lost('wrong-password'));
  });

  it('by a login that takes too long', async () => {
    fake.behave('silent');
    const { clock, asleep, advance } = manualClock();
    const asked = open({ clock }).coreId();
    await asleep(5_000);
    advance(5_000);
    expect(await asked).toEqual(lost('login-timeout'));
  });

  it('by an answer that takes too long, and every later one', async () => {
    const { clock, asleep, advance } = manualClock();
    const opened = open({ clock });
    await opened.coreId();
    fake.freeze();
    const asked = opened.channels();
    await asleep(5_000);
    advance(5_000);
    expect([await asked, await opened.dump(UUID)]).toEqual([lost('silent'), lost('silent')]);
  });

  it('by a connection that ends', async () => {
    const opened = open();
    await opened.coreId();
    fake.freeze();
    const asked = opened.dump(UUID);
    await fake.hangUp();
    expect(await asked).toEqual(lost('closed'));
  });

  it('by closing', async () => {
    const opened = open();
    await opened.coreId();
    fake.freeze();
    const asked = opened.channels();
    await opened.close();
    expect(await asked).toEqual(lost('closed-by-us'));
  });
});

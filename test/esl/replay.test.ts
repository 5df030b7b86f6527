import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { systemClock } from '../../src/clock.js';
import { openLink } from '../../src/esl/link.js';
import { Milestone } from '../../src/esl/milestone.js';
import { ReplayedSwitch } from '../../src/esl/replay.js';
import { fixtureBytes, fixtureRecording } from '../support/recording.js';
import { CORE_ID, PASSWORD, startSwitch, type TestSwitch } from '../support/switch.js';
import { manualClock } from './manual-clock.js';

let fake: TestSwitch;
const sockets: Socket[] = [];
beforeEach(async () => { fake = await startSwitch(); });
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await fake.close();
});

/** A listener that speaks by hand. */
async function dial(port = fake.port) {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  let received = '';
  socket.on('data', (chunk) => { received += chunk.toString('latin1'); });
  await once(socket, 'connect');
  const heard = async (end: string) => {
    while (!received.endsWith(end)) await once(socket, 'data');
    const all = received;
    received = '';
    return all;
  };
  return { socket, heard, say: async (text: string, end: string) => { socket.write(text); return heard(end); } };
}
async function login(port = fake.port) {
  const client = await dial(port);
  await client.heard('Content-Type: auth/request\n\n');
  await client.say(`auth ${PASSWORD}\n\n`, 'Reply-Text: +OK accepted\n\n');
  return client;
}

describe('the dialogue, as a real switch was heard to speak', () => {
  it('wrong password: to the byte, then FIN', async () => {
    const { socket, say } = await dial();
    const ended = once(socket, 'end');
    expect(await say('auth nonsense\n\n', 'cluecon.com/\n')).toBe(fixtureBytes('protocol/wrong-password.raw').toString());
    await ended;
  });

  it('ACL: to the byte, then FIN, and no greeting', async () => {
    fake.behave('acl-rejection');
    const { socket, heard } = await dial();
    const ended = once(socket, 'end');
    expect(await heard('cluecon.com/\n')).toBe(fixtureBytes('protocol/acl-rejected.raw').toString());
    await ended;
  });

  it('exit: to the byte', async () => {
    const { heard, say } = await dial();
    const greeting = await heard('auth/request\n\n');
    expect(greeting + await say(`auth ${PASSWORD}\n\n`, 'accepted\n\n') + await say('exit\n\n', 'cluecon.com/\n'))
      .toBe(fixtureBytes('protocol/exit.raw').toString());
  });

  it('commands before login: to the byte', async () => {
    const { say } = await dial();
    expect(await say('event json ALL\n\napi status\n\n' + `auth ${PASSWORD}\n\n`, 'accepted\n\n'))
      .toBe(fixtureBytes('protocol/command-before-auth.raw').toString());
  });

  it.each([
    ['unknown command', 'dance\n\n', 'Content-Type: command/reply\nReply-Text: -ERR command not found\n\n'],
    ['event names that exist nowhere', 'event json CDR\n\n', 'Content-Type: command/reply\nReply-Text: -ERR no keywords supplied\n\n'],
    ['no event names', 'event json\n\n', 'Content-Type: command/reply\nReply-Text: -ERR no keywords supplied\n\n'],
    ['some names that exist', 'event json CHANNEL_CREATE NO_SUCH_EVENT CDR\n\n', 'Content-Type: command/reply\nReply-Text: +OK event listener enabled json\n\n'],
    ['any case, CRLF and empty lines before', '\n\nEVENT JSON heartbeat\r\n\r\n', 'Content-Type: command/reply\nReply-Text: +OK event listener enabled json\n\n'],
    ['noevents without events', 'noevents\n\n', 'Content-Type: command/reply\nReply-Text: -ERR not listening for events\n\n'],
    ['api without a command', 'api\n\n', 'Content-Type: command/reply\nReply-Text: -ERR command not found\n\n'],
    ['unknown api', 'api nosuchcommand x\n\n', 'Content-Type: api/response\nContent-Length: 38\n\n-ERR nosuchcommand Command not found!\n'],
    ['uuid_dump of no channel', 'api uuid_dump nosuch json\n\n', 'Content-Type: api/response\nContent-Length: 22\n\n-ERR No such channel!\n'],
    ['channels when there are none', 'api show channels as json\n\n', `Content-Type: api/response\nContent-Length: 17\n\n${fixtureBytes('protocol/snapshot/show-channels-json-empty.txt').toString()}`],
    ['its Core-UUID', 'api global_getvar core_uuid\n\n', `Content-Type: api/response\nContent-Length: 36\n\n${CORE_ID}`],
  ])('%s', async (_name, command, answer) => {
    const { say } = await login();
    expect(await say(command, answer)).toBe(answer);
  });
});

describe('what a listener hears', () => {
  const names = (heard: string) => [...heard.matchAll(/"Event-Name":"(\w+)"/g)].map(([, name]) => name);

  it.each([
    ['only what it asked for', 'CHANNEL_ANSWER HEARTBEAT', ['CHANNEL_ANSWER', 'HEARTBEAT']],
    ['after CUSTOM every word is a subclass', 'HEARTBEAT CUSTOM callcenter::info CHANNEL_ANSWER', ['CUSTOM', 'HEARTBEAT']],
    ['ALL is everything', 'ALL', ['CHANNEL_ANSWER', 'CUSTOM', 'CUSTOM', 'HEARTBEAT']],
  ])('%s', async (_rule, words, expected) => {
    const { say, heard } = await login();
    await say(`event json ${words}\n\n`, '+OK event listener enabled json\n\n');
    await fake.replay.send({ 'Event-Name': 'CHANNEL_ANSWER' });
    await fake.replay.send({ 'Event-Name': 'CUSTOM', 'Event-Subclass': 'callcenter::info' });
    await fake.replay.send({ 'Event-Name': 'CUSTOM', 'Event-Subclass': 'sofia::register' });
    await fake.replay.heartbeat();
    expect(names(await heard('"Heartbeat-Interval":"20"}'))).toEqual(expected);
  });

  it('several listeners hear the same, each as it asked', async () => {
    const [a, b] = [await login(), await login()];
    await a.say('event json CHANNEL_CREATE CHANNEL_DESTROY\n\n', 'enabled json\n\n');
    await b.say('event json CHANNEL_DESTROY\n\n', 'enabled json\n\n');
    await fake.replay.play(await fixtureRecording('calls/03-outbound-busy'), { pace: 'full' });
    await fake.hangUp();
    await Promise.all([once(a.socket, 'end'), once(b.socket, 'end')]);
    expect(names(await a.heard('}'))).toEqual(['CHANNEL_CREATE', 'CHANNEL_CREATE', 'CHANNEL_DESTROY', 'CHANNEL_DESTROY']);
    expect(names(await b.heard('}'))).toEqual(['CHANNEL_DESTROY', 'CHANNEL_DESTROY']);
  });
});

describe('playing', () => {
  function listen(port = fake.port) {
    const events = new Milestone<string>();
    const link = openLink({ switchName: 's', host: '127.0.0.1', port, password: PASSWORD, subclasses: [], clock: systemClock },
      { onUp() {}, onEvent: ({ name }) => events.reach(name), onMalformed: (kind) => { throw new Error(kind); } });
    return { events, link };
  }

  it.each([undefined, 7, 1_448])('at full speed, in pieces of %p bytes', async (chunkBytes) => {
    const { events, link } = listen();
    await fake.subscribed(1);
    await fake.replay.play(await fixtureRecording('calls/01-outbound-caller-hangup'), { pace: 'full', ...(chunkBytes === undefined ? {} : { chunkBytes }) });
    await fake.hangUp();
    await link.ended;
    expect(events.count).toBe(14); // 15 were recorded; CHANNEL_UNBRIDGE is not asked for
  });

  it('a load of 12 MB, held up by nothing but the reader', async () => {
    const { events, link } = listen();
    await fake.subscribed(1);
    await fake.replay.play(await fixtureRecording('load/8threads-sip2-10cps'), { pace: 'full' });
    await fake.hangUp();
    await link.ended;
    expect(events.count).toBeGreaterThan(1_300);
  });

  it('at its own pace: no event before its time', async () => {
    const { clock, asleep, advance } = manualClock();
    const slow = new ReplayedSwitch({ clock, password: PASSWORD, coreId: CORE_ID });
    await slow.listen();
    const { events, link } = listen(slow.port);
    await slow.subscriptions.wait(1);
    const played = slow.play(await fixtureRecording('calls/01-outbound-caller-hangup'), { pace: 'real' });
    const steps: [number, number][] = [[705, 1], [503, 3], [1, 4], [906, 5], [20, 6], [1, 8], [3_020, 9], [21, 13], [1, 14]];
    for (const [waitMs, heardByThen] of steps) {
      await asleep(waitMs);
      expect(events.count).toBeLessThan(heardByThen);
      advance(waitMs);
      await events.wait(heardByThen);
    }
    await played;
    await slow.close();
    await link.ended;
  });

  it('waits for a listener that does not read', async () => {
    const { socket, say } = await login();
    await say('event json ALL\n\n', 'enabled json\n\n');
    socket.pause();
    let played = false;
    const playing = fake.replay.play(await fixtureRecording('load/8threads-sip2-10cps'), { pace: 'full' }).then(() => { played = true; });
    const [client] = fake.replay.clients;
    while (!client!.socket.writableNeedDrain) await new Promise(setImmediate);
    expect(played).toBe(false);
    expect(client!.socket.writableLength).toBeLessThan(1_000_000);
    socket.resume();
    await playing;
  });
});

describe('what it knows of its channels', () => {
  const [CALL, CALLER, CALLEE] = ['calls/06-inbound-ext-answered', '7cc17366-b8fb-4855-b285-3a0041cb9a8f', 'c925340d-0b0f-4a11-bd6a-a4b5f5bd6641'];
  const unheard = { pace: 'full', unheard: true } as const;
  const playFirst = async (count: number) => fake.replay.play({ events: (await fixtureRecording(CALL)).events.slice(0, count) }, unheard);

  async function ask(command: string): Promise<unknown> {
    const { socket, heard } = await login();
    socket.write(`api ${command}\n\n`);
    let answer = '';
    while (!/\n\n./s.test(answer)) answer = await heard('}');
    return JSON.parse(Buffer.from(answer.slice(answer.indexOf('\n\n')), 'latin1').toString());
  }

  it('shows a row for each that is up, in the columns of a real switch', async () => {
    await playFirst(8);
    const real = JSON.parse(fixtureBytes('protocol/snapshot/show-channels-json.txt').toString()) as { rows: object[] };
    const shown = await ask('show channels as json') as { row_count: number; rows: Record<string, string>[] };
    expect(Object.keys(shown)).toEqual(['row_count', 'rows']);
    expect(shown.rows.map((row) => Object.keys(row))).toEqual(real.rows.map((row) => Object.keys(row)));
    expect(shown.rows).toMatchObject([
      { uuid: CALLER, direction: 'inbound', created: '2026-11-22 11:29:39', created_epoch: '1795346979', dest: '1001', context: 'a.example.test',
        initial_dest: '842873001001', initial_context: 'public', callstate: 'ACTIVE', state: 'CS_EXECUTE', application: 'bridge', call_uuid: CALLER },
      { uuid: CALLEE, direction: 'outbound', dest: '1001', initial_dest: '1001', initial_context: 'a.example.test', call_uuid: CALLER },
    ]);
  });

  it('dumps one with all that its last event told, under a number of now', async () => {
    await playFirst(8);
    const real = JSON.parse(fixtureBytes('protocol/snapshot/uuid_dump-json.txt').toString()) as object;
    const headers = (dump: object) => Object.keys(dump).filter((name) => /^(?:Channel|Caller|Unique|Answer|Call)-/.test(name)).sort();
    const dump = await ask(`uuid_dump ${CALLER} json`) as Record<string, string>;
    expect(headers(dump)).toEqual(headers(real));
    expect(dump).toMatchObject({ 'Event-Name': 'CHANNEL_DATA', 'Core-UUID': CORE_ID, 'Unique-ID': CALLER, 'Caller-Channel-Bridged-Time': '1795346981296424', variable_domain_name: 'a.example.test' });
    const recorded = (await fixtureRecording(CALL)).events.slice(0, 8).map(({ frame }) => Number(/"Event-Sequence":"(\d+)"/.exec(frame.toString('latin1'))![1]));
    expect(Number(dump['Event-Sequence'])).toBe(Math.max(...recorded) + 1);
  });

  it('keeps names that are not UTF-8 as they came', async () => {
    const { events } = await fixtureRecording('calls/21b-invalid-utf8-callerid');
    await fake.replay.play({ events: events.slice(0, 1) }, unheard);
    const [first] = events;
    const name = /"Caller-Caller-ID-Name":"([^"]*)"/.exec(first!.frame.toString('latin1'))![1]!;
    expect([/[\x80-\xff]/.test(name), fake.replay.channels.show().toString('latin1').includes(`"cid_name":"${name}"`)]).toEqual([true, true]);
  });

  it('forgets one at its end, and no late event brings it back', async () => {
    const { events } = await fixtureRecording(CALL);
    await fake.replay.play({ events }, unheard);
    await fake.replay.play({ events: events.filter(({ name }) => name === 'CHANNEL_HANGUP_COMPLETE') }, unheard);
    expect([fake.replay.channels.count, fake.replay.channels.sinceStartup]).toEqual([0, 2]);
    const { say } = await login();
    await say(`api uuid_dump ${CALLER} json\n\n`, '-ERR No such channel!\n');
  });

  it('is counted in its heartbeats', async () => {
    const { say, heard } = await login();
    await say('event json HEARTBEAT\n\n', 'enabled json\n\n');
    await playFirst(8);
    await fake.replay.heartbeat();
    expect(await heard('"Heartbeat-Interval":"20"}')).toContain('"Session-Count":"2","Session-Since-Startup":"2"');
  });
});

describe('a play without listeners', () => {
  it('goes on in time where it is told to, and what was said meanwhile is lost', async () => {
    const { clock, asleep, advance } = manualClock();
    const pbx = new ReplayedSwitch({ clock, password: PASSWORD, coreId: CORE_ID });
    await pbx.listen();
    const recording = await fixtureRecording('calls/01-outbound-caller-hangup');
    const played = pbx.play(recording, { pace: 'real', unheard: true });
    await asleep(705);
    advance(5_156);
    await asleep(21);
    const { say, heard } = await login(pbx.port);
    await say('event json ALL\n\n', 'enabled json\n\n');
    advance(22);
    await played;
    for (const client of pbx.clients) client.socket.end();
    expect([...(await heard('}')).matchAll(/\{"Event-Name":"(\w+)"/g)].map(([, name]) => name))
      .toEqual(recording.events.filter(({ atMs }) => atMs > 5_156).map(({ name }) => name));
    await pbx.close();
  });

  it('ends where it is not told so', async () => {
    await fake.replay.play(await fixtureRecording('calls/01-outbound-caller-hangup'), { pace: 'real' });
    expect(fake.replay.channels.sinceStartup).toBe(0);
  });
});

describe('a restart', () => {
  async function listening() {
    const client = await login();
    await client.say('event json ALL\n\n', 'enabled json\n\n');
    const ended = once(client.socket, 'end');
    const { events } = await fixtureRecording('calls/06-inbound-ext-answered');
    await fake.replay.play({ events: events.slice(0, 8) }, { pace: 'full' });
    return { ...client, ended, events };
  }
  const told = (text: string) => [...text.matchAll(/"Event-Name":"(\w+)"/g)].map(([, name]) => name);

  it('in an instant leaves nothing: no channel, no word, another Core-UUID, which what it plays carries from then on', async () => {
    const { ended, heard, events } = await listening();
    await heard('}');
    await fake.replay.restart({ coreId: 'e1c56eac-f789-4cb3-8e93-0399be9202d9' });
    await ended;
    const after = await login();
    expect(await after.say('api show channels as json\n\n', '0}\n')).toContain('{"row_count": 0}');
    await after.say('event json ALL\n\n', 'enabled json\n\n');
    await fake.replay.play({ events: events.slice(0, 1) }, { pace: 'full' });
    const frame = await after.heard('}');
    expect(frame).toContain('"Core-UUID":"e1c56eac-f789-4cb3-8e93-0399be9202d9"');
    expect(frame).not.toContain(CORE_ID);
    expect(Number(/Content-Length: (\d+)/.exec(frame)![1])).toBe(frame.length - frame.indexOf('\n\n') - 2);
  });

  it('that is orderly tells of the end of each leg first, as it was recorded, and says goodbye', async () => {
    const { ended, heard } = await listening();
    const restarted = fake.replay.restart({ orderly: true });
    const text = await heard('The system is being shut down.\n');
    await Promise.all([restarted, ended]);
    expect(told(text).slice(8)).toEqual(['SHUTDOWN', 'CHANNEL_HANGUP', 'CHANNEL_HANGUP', 'CHANNEL_HANGUP_COMPLETE', 'CHANNEL_DESTROY', 'CHANNEL_HANGUP_COMPLETE', 'CHANNEL_DESTROY']);
    const completes = text.split('Content-Length: ').filter((frame) => frame.includes('"CHANNEL_HANGUP_COMPLETE"')).map((frame) => JSON.parse(frame.slice(frame.indexOf('{'))) as Record<string, string>);
    expect(completes).toHaveLength(2);
    for (const complete of completes) {
      expect(complete).toMatchObject({ 'Hangup-Cause': 'SYSTEM_SHUTDOWN', variable_hangup_cause: 'SYSTEM_SHUTDOWN', 'Channel-Call-State': 'HANGUP' });
      expect(Number(complete['variable_end_uepoch'])).toBeGreaterThan(Number(complete['Caller-Channel-Answered-Time']));
    }
    expect(fake.replay.coreId).not.toBe(CORE_ID);
  });

  it('ends the calls that were being played', async () => {
    const { clock, asleep, asleepNow } = manualClock();
    const pbx = new ReplayedSwitch({ clock, password: PASSWORD, coreId: CORE_ID });
    await pbx.listen();
    const played = pbx.play(await fixtureRecording('calls/01-outbound-caller-hangup'), { pace: 'real', unheard: true });
    await asleep(705);
    await pbx.restart();
    await played;
    expect([asleepNow(), pbx.channels.sinceStartup]).toEqual([[], 0]);
    await pbx.close();
  });
});

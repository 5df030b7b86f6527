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

import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { systemClock } from '../../src/clock.js';
import { openLink, type LinkOptions } from '../../src/esl/link.js';
import { Milestone } from '../../src/esl/milestone.js';
import type { ReplayClient } from '../../src/esl/replay-client.js';
import { eventFrame, noticeFrame } from '../../src/esl/wire.js';
import { fixtureBytes } from '../support/recording.js';
import { PASSWORD, startSwitch, type TestSwitch } from '../support/switch.js';
import { manualClock } from './manual-clock.js';

let fake: TestSwitch;
beforeEach(async () => { fake = await startSwitch(); });
afterEach(() => fake.close());

/** A link whose events, faults and states are written down in the order in which they were told. */
function open(overrides: Partial<LinkOptions> = {}) {
  const told: string[] = [];
  let up!: () => void;
  const isUp = new Promise<void>((resolve) => { up = resolve; });
  const heard = new Milestone<string>();
  const link = openLink({
    switchName: 'pbx1', host: '127.0.0.1', port: fake.port, password: PASSWORD, subclasses: [], clock: systemClock, ...overrides,
  }, {
    onUp: () => { told.push('up'); up(); },
    onEvent: ({ name }) => { told.push(name); heard.reach(name); },
    onMalformed: (kind) => { told.push(kind); },
  });
  return { link, told, isUp, heard, ended: link.ended.then((end) => { told.push('ended'); return end; }) };
}

const answered = { 'Event-Name': 'CHANNEL_ANSWER', 'Unique-ID': 'u' };

describe('what is sent', () => {
  const EVENTS = 'CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_ANSWER CHANNEL_BRIDGE '
    + 'CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE CHANNEL_DESTROY RECORD_STOP HEARTBEAT SHUTDOWN';

  it.each([
    ['without subclasses no CUSTOM', [], EVENTS],
    ['CUSTOM and its subclasses last', ['callcenter::info', 'sofia::transferor'], `${EVENTS} CUSTOM callcenter::info sofia::transferor`],
  ])('is the password and one subscription, to the byte: %s', async (_rule, subclasses, words) => {
    const { link, isUp, ended, told } = open({ subclasses });
    await isUp;
    await fake.replay.heartbeat();
    await fake.raw(eventFrame('{"Event-Name":"CUSTOM","Event-Subclass":"x","Job-UUID":"1","Core-UUID":"reply"}'));
    await fake.hangUp();
    const [client] = fake.replay.clients;
    await ended;
    expect(told).toEqual(['up', 'HEARTBEAT', 'CUSTOM', 'ended']);
    expect(client!.received).toBe(`auth ${PASSWORD}\n\nevent json ${words}\n\n`);
    link.close('closed-by-us');
  });

  it('is the password once, however often the switch asks for it', async () => {
    const { isUp, ended } = open();
    await isUp;
    const [client] = fake.replay.clients;
    await fake.raw('Content-Type: auth/request\n\n');
    await fake.hangUp();
    await ended;
    expect(client!.received.match(/auth /g)).toHaveLength(1);
  });

  it.each([
    ['two lines of a password', { password: 'a\n\napi fsctl shutdown' }, 'one line'],
    ['two words of a subclass', { subclasses: ['callcenter::info CHANNEL_CREATE'] }, 'one word'],
    ['two lines of a subclass', { subclasses: ['x\n\nexit'] }, 'one word'],
    ['an empty subclass', { subclasses: [''] }, 'one word'],
  ])('is never %s', (_what, options, fault) => {
    expect(() => open(options)).toThrow(fault);
  });
});

describe('how a link ends before it is up', () => {
  it.each([
    ['reject-password', { kind: 'wrong-password' }],
    ['acl-rejection', { kind: 'acl-rejected' }],
    ['refuse-subscription', { kind: 'subscription-refused' }],
  ] as const)('%s', async (behaviour, end) => {
    fake.behave(behaviour);
    const { ended, told } = open();
    expect(await ended).toEqual(end);
    expect(told).toEqual(['ended']);
  });

  it.each(['silent', 'slow-login', 'no-subscription-reply'] as const)('%s: at the deadline', async (behaviour) => {
    fake.behave(behaviour);
    const { clock, asleep, advance } = manualClock();
    const { ended, told } = open({ clock });
    await asleep(10_000);
    advance(10_000);
    expect(await ended).toEqual({ kind: 'login-timeout' });
    expect(told).toEqual(['ended']);
  });

  it('refused where nobody listens', async () => {
    await fake.close();
    expect(await open().ended).toEqual({ kind: 'refused', code: 'ECONNREFUSED' });
  });

  it('refused where the name does not resolve', async () => {
    expect(await open({ host: 'switch.invalid' }).ended).toMatchObject({ kind: 'refused', code: expect.stringMatching(/^E/) as string });
  });

  it('closed where the switch takes the connection and drops it', async () => {
    const server = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    expect(await open({ port: (server.address() as AddressInfo).port }).ended).toEqual({ kind: 'closed' });
    await new Promise((resolve) => { server.close(resolve); });
  });

  it('a login that is slow but in time is a login', async () => {
    fake.behave('slow-login');
    const { link, isUp, ended } = open();
    await fake.connected(1);
    fake.release();
    await isUp;
    link.close('closed-by-us');
    expect(await ended).toEqual({ kind: 'closed-by-us' });
  });
});

describe('how a link that is up ends', () => {
  it.each<[string, () => unknown, object, string[]]>([
    ['FIN', () => fake.hangUp(), { kind: 'closed' }, []],
    ['RST', async () => { await fake.sent(); fake.reset(); }, { kind: 'reset', code: 'ECONNRESET' }, []],
    ['shutdown or reload', () => fake.dismiss('shutting-down'), { kind: 'disconnect-notice', shuttingDown: true }, []],
    ['goodbye', () => fake.dismiss('goodbye'), { kind: 'disconnect-notice', shuttingDown: false }, []],
    ['a frame cut short', () => fake.cutAfter(eventFrame(JSON.stringify(answered)), 60), { kind: 'closed' }, ['half-frame']],
    ['a goodbye inside a frame', async () => { await fake.raw(eventFrame(JSON.stringify(answered)).subarray(0, 60)); await fake.dismiss('shutting-down'); }, { kind: 'disconnect-notice', shuttingDown: true }, ['torn']],
  ])('%s, after all events that had arrived', async (_name, act, end, malformed) => {
    const { ended, told, isUp } = open();
    await isUp;
    for (let n = 0; n < 3; n += 1) await fake.replay.send(answered);
    await act();
    expect(await ended).toEqual(end);
    expect(told).toEqual(['up', 'CHANNEL_ANSWER', 'CHANNEL_ANSWER', 'CHANNEL_ANSWER', ...malformed, 'ended']);
  });

  it('after a goodbye without FIN it waits two seconds, and hears events till then', async () => {
    const { clock, asleep, advance } = manualClock();
    const { ended, told, isUp, heard } = open({ clock });
    await isUp;
    await fake.raw(noticeFrame('shutting-down'));
    await asleep(2_000);
    await fake.replay.send(answered);
    await heard.wait(1);
    advance(2_000);
    expect(await ended).toEqual({ kind: 'disconnect-notice', shuttingDown: true });
    expect(told).toEqual(['up', 'CHANNEL_ANSWER', 'ended']);
  });

  it('after a goodbye it goes on for as long as something comes, and ends after two seconds of silence', async () => {
    const { clock, asleep, advance } = manualClock();
    const { ended, isUp, heard } = open({ clock });
    await isUp;
    await fake.raw(noticeFrame('shutting-down'));
    for (let second = 1; second <= 5; second += 1) {
      await asleep(1_000, 2_000);
      advance(1_000);
      await fake.replay.send(answered);
      await heard.wait(second);
    }
    await asleep(1_000, 2_000);
    advance(1_000);
    await asleep(1_000);
    advance(1_000);
    expect(await ended).toEqual({ kind: 'disconnect-notice', shuttingDown: true });
    expect(heard.count).toBe(5);
  });

  describe.each(['fsctl-shutdown.json', 'fsctl-shutdown-restart.json', 'sigterm.json', 'reload-mod_event_socket.json'])('%s, as it was recorded', (name) => {
    const bytes = fixtureBytes(`protocol/${name}.raw`);
    const noticeAt = bytes.indexOf('Content-Type: text/disconnect-notice');
    const lastCompleteAt = bytes.lastIndexOf('Content-Length: ', bytes.lastIndexOf('"Event-Name":"CHANNEL_'));
    const namesIn = (stream: Buffer) => [...stream.toString('latin1').matchAll(/\n\n\{"Event-Name":"(\w+)"/g)].map(([, event]) => event);

    it.each([
      ['in its order', bytes],
      ['with the goodbye before the last event', Buffer.concat([bytes.subarray(0, lastCompleteAt), bytes.subarray(noticeAt), bytes.subarray(lastCompleteAt, noticeAt)])],
    ])('tells of everything up to the FIN: %s', async (_order, stream) => {
      fake.behave('no-subscription-reply'); // the recording begins with it
      const { ended, told } = open();
      await fake.loggedIn(1);
      const [client] = fake.replay.clients;
      while (!client!.received.includes('event json')) await once(client!.socket, 'data');
      await fake.raw(stream);
      await fake.hangUp();
      expect(await ended).toEqual({ kind: 'disconnect-notice', shuttingDown: true });
      expect(told).toEqual(['up', ...namesIn(bytes), 'ended']);
    });
  });

  it('garbage does not end it', async () => {
    const { ended, told, isUp } = open();
    await isUp;
    await fake.raw(`${'x'.repeat(1_000_000)}\n\nContent-Type: text/event-plain\nContent-Length: 2\n\nhi`);
    await fake.raw(eventFrame('{"no":"name"}'));
    await fake.raw(eventFrame('{"bad":json}'));
    await fake.raw('Content-Type: text/event-xml\n\nContent-Type: command/reply\nReply-Text: 100%\n\n');
    await fake.replay.send(answered);
    await fake.hangUp();
    expect(await ended).toEqual({ kind: 'closed' });
    expect(told).toEqual(['up', 'garbage', 'unknown-content-type', 'no-event-name', 'bad-json', 'unknown-content-type', 'bad-header', 'CHANNEL_ANSWER', 'ended']);
  });

  it.each(['closed-by-us', 'overwhelmed'] as const)('%s: nothing is told after it', async (why) => {
    const told: string[] = [];
    const link = openLink({ switchName: 'pbx1', host: '127.0.0.1', port: fake.port, password: PASSWORD, subclasses: [], clock: systemClock }, {
      onUp() {},
      onEvent({ name }) { told.push(name); link.close(why); },
      onMalformed(kind) { told.push(kind); },
    });
    await fake.subscribed(1);
    const frame = eventFrame(JSON.stringify(answered));
    await fake.raw(Buffer.concat([frame, frame, eventFrame('{}'), frame.subarray(0, 60)])); // one write, most likely one chunk
    expect(await link.ended).toEqual({ kind: why });
    expect(told).toEqual(['CHANNEL_ANSWER']);
  });
});

describe('a switch that falls silent', () => {
  async function askedTimes(client: ReplayClient, times: number): Promise<void> {
    while (client.received.split('api strepoch').length <= times) await once(client.socket, 'data');
  }

  async function silence() {
    const time = manualClock();
    const opened = open({ clock: time.clock });
    await opened.isUp;
    await time.asleep(65_000);
    return { ...time, ...opened };
  }

  it('is asked for a sign of life, and dead without one', async () => {
    const { asleep, advance, ended } = await silence();
    fake.freeze();
    advance(65_000);
    await asleep(5_000);
    advance(5_000);
    expect(await ended).toEqual({ kind: 'silent' });
  });

  it('lives on when it answers', async () => {
    const { asleep, advance, ended, heard } = await silence();
    const client = await fake.connected(1);
    advance(65_000);
    await asleep(5_000);
    await askedTimes(client, 1);
    await fake.replay.heartbeat(); // stands behind the answer, so that who has heard it has the answer
    await heard.wait(1);
    advance(5_000);
    await asleep(55_000);          // the answer came at 65 s: three heartbeats of 20 s later the next question is due
    advance(55_000);
    await askedTimes(client, 2);
    expect(client.received).toMatch(/\n\napi strepoch\n\napi strepoch\n\n$/);
    await fake.hangUp();
    expect(await ended).toEqual({ kind: 'closed' });
  });

  it.each([
    ['it names itself', [{ 'Heartbeat-Interval': '10' }], 0, 30_000],
    ['it shows by two in a row', [{}, {}], 12_000, 36_000],
    ['is not longer than the configured bound', [{}, {}], 40_000, 65_000],
    ['is not shorter than five seconds', [{}, {}], 10, 5_000],
  ])('is asked after three heartbeats of the interval that %s', async (_rule, heartbeats, everyMs, boundMs) => {
    const { clock, asleep, advance } = manualClock();
    const { isUp, heard, link } = open({ clock, pingMs: 1_000 });
    await isUp;
    await asleep(65_000); // while nothing is known of its heartbeats
    for (const [index, headers] of heartbeats.entries()) {
      if (index > 0) advance(everyMs);
      await fake.replay.send({ 'Event-Name': 'HEARTBEAT', ...headers });
      await heard.wait(index + 1);
    }
    const [client] = fake.replay.clients;
    advance(65_000);                                 // by now it is overdue in every row
    await asleep(1_000);
    await askedTimes(client!, 1);
    await fake.replay.send(answered);
    await heard.wait(heartbeats.length + 1);
    advance(1_000);
    expect(await asleep(1_001, 64_999)).toBe(boundMs - 1_000);
    link.close('closed-by-us');
  });
});

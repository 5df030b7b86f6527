import { systemClock } from '../../src/clock.js';
import type * as InThread from '../../src/esl/connection-thread.js';
import { openCommands } from '../../src/esl/command.js';
import { openLink } from '../../src/esl/link.js';
import { Milestone } from '../../src/esl/milestone.js';
import { eventFrame } from '../../src/esl/wire.js';
import { fixtureRecording } from '../support/recording.js';
import { PASSWORD, startSwitch, type TestSwitch } from '../support/switch.js';
import { capturedLog } from './captured-log.js';

// A thread runs JavaScript, so it is the built one that is tested.
const BUILT = '../../dist/esl/connection-thread.js';
const { createConnectionThread } = await import(BUILT) as typeof InThread;

let fake: TestSwitch;
let thread: InThread.ConnectionThread;
const { log, lines } = capturedLog();
beforeEach(async () => {
  lines.length = 0;
  fake = await startSwitch();
  thread = createConnectionThread({ log });
});
afterEach(async () => {
  await thread.stop();
  await fake.close();
});

function open(connect = thread.connect) {
  const told: string[] = [];
  const heard = new Milestone<number>();
  const up = new Milestone<void>();
  const link = openLink({ switchName: 'pbx1', host: '127.0.0.1', port: fake.port, password: PASSWORD, subclasses: [], clock: systemClock, connect }, {
    onUp: () => { told.push('up'); up.reach(); },
    onEvent: ({ name, receivedAtMs }) => { told.push(name); heard.reach(receivedAtMs); },
    onMalformed: (kind) => { told.push(kind); },
  });
  return { link, told, heard, up };
}

const answered = { 'Event-Name': 'CHANNEL_ANSWER', 'Unique-ID': 'u' };

/** Nothing else runs in this thread meanwhile. */
function block(ms: number): void { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms); }

it('tells the same in the same order as a connection in this thread', async () => {
  const [near, far] = [open(undefined), open()];
  await fake.subscribed(2);
  await fake.replay.play(await fixtureRecording('calls/12-callcenter-queue'), { pace: 'full', chunkBytes: 1_448 });
  await fake.raw(Buffer.concat([eventFrame('{"bad":json}'), Buffer.from('garbage\n\n'), eventFrame(JSON.stringify(answered)), eventFrame(JSON.stringify(answered)).subarray(0, 60)]));
  await fake.dismiss('shutting-down');
  expect(await far.link.ended).toEqual(await near.link.ended);
  expect(far.told).toEqual(near.told);
  expect(far.told.slice(-4)).toEqual(['bad-json', 'garbage', 'CHANNEL_ANSWER', 'torn']);
});

it('hands over events of any length, whole and in their order, and of channels what is asked for', async () => {
  const bodies: Record<string, string>[] = [];
  const all = { 'Event-Name': 'CUSTOM', 'Event-Subclass': 'x', filling: 'x' };
  const lengths = [10, 131_000, 90_000, 90_000, 300_000, 20, 1_000_000, 30];
  const done = new Milestone<void>();
  thread.connect({ host: '127.0.0.1', port: fake.port, password: PASSWORD, clock: systemClock, headers: ['Event-Name', 'Unique-ID'] }, {
    onLoggedIn: () => {}, onMalformed: (kind) => { throw new Error(kind); },
    onEventBody: (body) => { if (bodies.push(JSON.parse(body.toString()) as Record<string, string>) === lengths.length + 1) done.reach(); },
  });
  await fake.loggedIn(1);
  const frames = lengths.map((length) => eventFrame(JSON.stringify({ ...all, filling: 'x'.repeat(length) })));
  await fake.raw(Buffer.concat([...frames, eventFrame(JSON.stringify({ ...answered, filling: 'x' }))]));
  await done.wait(1);
  expect(bodies.map((body) => [body['Event-Name'], body['filling']?.length])).toEqual([...lengths.map((length) => ['CUSTOM', length]), ['CHANNEL_ANSWER', undefined]]);
});

it('says on this thread\'s clock when an event was read, also when this thread was busy then', async () => {
  const { heard, up } = open();
  await up.wait(1);
  const before = systemClock.monotonicMs();
  await fake.replay.send(answered);
  await heard.wait(1);
  expect(await heard.wait(1)).toBeGreaterThan(before);
  expect(await heard.wait(1)).toBeLessThan(systemClock.monotonicMs());
  await fake.replay.send(answered);
  await fake.sent();
  const sentAt = systemClock.monotonicMs();
  block(3_000);
  expect(await heard.wait(2)).toBeLessThan(sentAt + 2_500);
});

it('answers questions', async () => {
  const commands = openCommands({ host: '127.0.0.1', port: fake.port, password: PASSWORD, clock: systemClock, connect: thread.connect });
  fake.replay.answers.set('big', 'x'.repeat(20_000_000 / 2));
  expect(await commands.api('nosuch', 1_000)).toEqual({ kind: 'refused', reason: '-ERR nosuch Command not found!' });
  expect(await commands.api('big', 5_000)).toMatchObject({ kind: 'ok', text: expect.stringMatching(/^x{100}/) as string });
  await expect(commands.api('two\n\nlines', 1_000)).rejects.toThrow('one line');
  await commands.close();
  expect(await commands.api('status', 1_000)).toEqual({ kind: 'lost', reason: 'closed-by-us' });
});

it.each([['reject-password', { kind: 'wrong-password' }], ['acl-rejection', { kind: 'acl-rejected' }]] as const)('says why it cannot connect: %s', async (behaviour, end) => {
  fake.behave(behaviour);
  expect(await open().link.ended).toEqual(end);
});

it('gives up no login because this thread hangs in the middle of it', async () => {
  const ready = new Milestone<string>();
  const connection = thread.connect({ host: '127.0.0.1', port: fake.port, password: PASSWORD, clock: systemClock, loginMs: 2_000 }, {
    onLoggedIn() {
      block(2_500);
      connection.command('event json HEARTBEAT', (reply) => ready.reach(reply));
    },
    onEventBody() {},
    onMalformed() {},
  });
  expect(await ready.wait(1)).toBe('+OK event listener enabled json');
  connection.end({ kind: 'closed-by-us' });
  expect(await connection.ended).toEqual({ kind: 'closed-by-us' });
});

it('refuses a password of two lines at once', () => {
  expect(() => thread.connect({ host: 'h', port: 1, password: 'a\n\nexit', clock: systemClock }, { onLoggedIn() {}, onEventBody() {}, onMalformed() {} })).toThrow('one line');
});

it('hands nothing on once it is closed, though it has been read', async () => {
  const told: string[] = [];
  const link = openLink({ switchName: 'pbx1', host: '127.0.0.1', port: fake.port, password: PASSWORD, subclasses: [], clock: systemClock, connect: thread.connect },
    { onUp() {}, onMalformed() {}, onEvent({ name }) { told.push(name); link.close('overwhelmed'); } });
  await fake.subscribed(1);
  const frame = eventFrame(JSON.stringify(answered));
  await fake.raw(Buffer.concat([frame, frame, frame]));
  expect(await link.ended).toEqual({ kind: 'overwhelmed' });
  expect(told).toEqual(['CHANNEL_ANSWER']);
});

it('closes the link when this thread takes in nothing and the bound is reached, and what was read is not lost', async () => {
  await thread.stop();
  thread = createConnectionThread({ log, maxUntakenBytes: 1_000_000 });
  const event = { ...answered, pad: 'x'.repeat(10_000) };
  const { link, heard, up } = open();
  await up.wait(1);
  const client = await fake.connected(1);
  const closed = new Promise((resolve) => { client.socket.once('close', resolve); }); // by a reset, since not all was read
  const frame = eventFrame(JSON.stringify(event));
  client.socket.write(Buffer.concat(Array.from({ length: 400 }, () => frame))); // 4 MB, which the system's buffers may not hold
  block(1_000);
  expect(await link.ended).toEqual({ kind: 'overwhelmed' });
  await closed;
  expect(heard.count).toBeGreaterThan(90);
  expect(heard.count).toBeLessThan(300);
});

it('goes on beyond the bound for as long as it is taken in', async () => {
  await thread.stop();
  thread = createConnectionThread({ log, maxUntakenBytes: 1_000_000 });
  const { link, heard } = open();
  await fake.subscribed(1);
  for (let n = 1; n <= 300; n += 1) {
    await fake.replay.send({ ...answered, pad: 'x'.repeat(10_000) });
    if (n % 30 === 0) await heard.wait(n);
  }
  link.close('closed-by-us');
  expect(await link.ended).toEqual({ kind: 'closed-by-us' });
});

it('ends its links with a reason when it dies, and the next link has a new thread', async () => {
  const [first, second] = [open(), open()];
  await Promise.all([first.up.wait(1), second.up.wait(1)]);
  await thread.stop();
  expect(await Promise.all([first.link.ended, second.link.ended])).toEqual([{ kind: 'thread-died', code: 'terminated' }, { kind: 'thread-died', code: 'terminated' }]);
  const third = open();
  await third.up.wait(1);
  await fake.replay.send(answered);
  await third.heard.wait(1);
  third.link.close('closed-by-us');
  expect(await third.link.ended).toEqual({ kind: 'closed-by-us' });
});

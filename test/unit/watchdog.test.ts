import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.js';
import { Milestone } from '../../src/esl/milestone.js';
import { createWatchdog } from '../../src/watchdog.js';
import { capturedLog } from '../esl/captured-log.js';
import { manualClock } from '../esl/manual-clock.js';

let folder: string;
let server: Server;
let told: Milestone<string>;
const hurry = new AbortController().signal;
const all = async () => Promise.all(Array.from({ length: told.count }, (_, index) => told.wait(index + 1)));

/** What the daemon finds as `systemd-notify`: it says what it was called with at the socket that it was given. */
const PROGRAM = `#!${process.execPath}
const socket = require('node:net').connect(process.env.NOTIFY_SOCKET, () => socket.end(process.argv.slice(2).join(' ')));
socket.resume();
`;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hookswitch-notify-'));
  await writeFile(join(folder, 'systemd-notify'), PROGRAM, { mode: 0o755 });
  told = new Milestone();
  server = createServer({ allowHalfOpen: true }, (socket) => {
    let text = '';
    socket.on('data', (chunk) => { text += chunk.toString(); }).on('end', () => { told.reach(text); socket.end(); }); // so that who has called it knows that it was heard
  });
  await new Promise<void>((resolve) => { server.listen(join(folder, 'notify'), resolve); });
});
afterEach(async () => {
  await new Promise((resolve) => { server.close(resolve); });
  await rm(folder, { recursive: true });
});

function make(env: Record<string, string> = {}, clock = systemClock) {
  const { log, lines } = capturedLog();
  return { lines, watchdog: createWatchdog({ env: { PATH: folder, NOTIFY_SOCKET: join(folder, 'notify'), ...env }, pid: 42, clock, log }) };
}

it('says that the daemon is up and that it is stopping', async () => {
  const { watchdog, lines } = make();
  await watchdog.start();
  expect(await all()).toEqual(['READY=1']);
  await watchdog.stop(hurry);
  await watchdog.stop(hurry);
  expect(await all()).toEqual(['READY=1', 'STOPPING=1']);
  expect(lines).toEqual([]);
});

it.each([{}, { WATCHDOG_PID: '42' }])('says at half of the time that systemd gives it that the main loop turns: %p', async (env) => {
  const { clock, asleep, advance, asleepNow } = manualClock();
  const { watchdog } = make({ WATCHDOG_USEC: '30000000', ...env }, clock);
  await watchdog.start();
  for (let times = 1; times <= 3; times += 1) {
    await asleep(15_000);
    expect(told.count).toBe(1 + times);
    advance(15_000);
  }
  await asleep(15_000);
  await watchdog.stop(hurry);
  expect(await all()).toEqual(['READY=1', 'WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1', 'STOPPING=1']);
  expect(asleepNow()).toEqual([]);
});

it.each<[string, Record<string, string>]>([
  ['no time', {}], ['a time that is none', { WATCHDOG_USEC: 'soon' }], ['a time for another process', { WATCHDOG_USEC: '30000000', WATCHDOG_PID: '41' }],
])('says nothing of its loop where systemd gives %s', async (_what, env) => {
  const { clock, asleepNow } = manualClock();
  const { watchdog } = make(env, clock);
  await watchdog.start();
  expect([asleepNow(), told.count]).toEqual([[], 1]);
  await watchdog.stop(hurry);
});

it('does nothing without systemd', async () => {
  const { watchdog, lines } = make({ NOTIFY_SOCKET: '' });
  await watchdog.start();
  await watchdog.stop(hurry);
  expect([told.count, lines]).toEqual([0, []]);
});

it('warns once where systemd cannot be told, and the daemon lives on', async () => {
  const { clock, asleep, advance } = manualClock();
  const { watchdog, lines } = make({ PATH: '/nowhere', WATCHDOG_USEC: '30000000' }, clock);
  await watchdog.start();
  await asleep(15_000);
  advance(15_000);
  await asleep(15_000);
  await watchdog.stop(hurry);
  expect(lines).toEqual(['warn systemd cannot be told how the daemon does state=READY=1 reason=ENOENT']);
});

import { performance } from 'node:perf_hooks';
import type { RecordedEvent } from '../../src/esl/recording.js';
import { recordedCalls } from '../support/goldens.js';
import { countOf, expectedOf, newCall, received, start, type NewCall } from './flow.js';

/** How long the daemon hangs. */
const HANG_MS = Number(process.env['HANG_MS'] ?? 10_000);
const EVENTS_PER_SECOND = 500;

/** What the switch may be held up by. */
const STALL_MS = 5_000;

/** On SIGUSR2 nothing else runs in the daemon's own thread, and it says so before and after. Loaded into it for this test alone. */
const HANG = `
  import { writeSync } from 'node:fs';
  const say = (message) => writeSync(1, JSON.stringify({ level: 'info', message }) + '\\n');
  process.on('SIGUSR2', () => {
    say('hanging');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${HANG_MS});
    say('awake');
  });`;

let flow: Awaited<ReturnType<typeof start>>;
afterEach(() => flow.stop());

/** Calls of all kinds one after another, as one recording at a steady rate, until the daemon has almost hung for its time. */
async function steadily(): Promise<{ calls: NewCall[]; events: RecordedEvent[] }> {
  const names = await recordedCalls();
  const count = (HANG_MS - 1_000) / 1_000 * EVENTS_PER_SECOND;
  const calls: NewCall[] = [];
  const events: RecordedEvent[] = [];
  while (events.length < count) {
    const call = await newCall(names[calls.length % names.length]!);
    calls.push(call);
    for (const event of call.recording.events) events.push({ ...event, atMs: events.length * 1_000 / EVENTS_PER_SECOND });
  }
  return { calls, events };
}

it('drains the switch while its main loop hangs, and tells of everything afterwards', async () => {
  const { calls, events } = await steadily();
  flow = await start({ NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(HANG)}` });
  const { pbx, daemon, receiver } = flow;
  await daemon.said('link to the switch is up');
  let isAwake = false;
  void daemon.said('awake').then(() => { isAwake = true; });
  process.kill(daemon.pid, 'SIGUSR2');
  await daemon.said('hanging');

  const beganAt = performance.now();
  await pbx.replay.play({ events }, { pace: 'real' });
  await pbx.sent();
  const lateMs = performance.now() - beganAt - events.at(-1)!.atMs;
  expect(isAwake).toBe(false); // all of it was written to a daemon that hung
  expect(lateMs).toBeLessThan(STALL_MS);

  await receiver.received(countOf(calls));
  expect(received(receiver.posts, calls)).toEqual(expectedOf(calls));
  expect(daemon.lines.filter(({ message }) => message.startsWith('link to the switch is d'))).toEqual([]);
}, HANG_MS + 60_000);

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { readRecording } from '../../src/esl/recording.js';
import { readEvent } from '../../src/esl/switch-event.js';
import { FIXTURES, play } from '../support/goldens.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapUsed(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

it('holds 10,000 calls that are being spoken in less than 150 MB', async () => {
  const { events } = await readRecording(`${FIXTURES}calls/06-inbound-ext-answered.esl.gz`);
  const bodies = events.slice(0, 3).map(({ frame }) => frame.toString('utf8', frame.indexOf('\n\n') + 2));
  const beginnings = ['7cc17366', 'c925340d']; // of the uuids of its two legs
  const { calls } = play([]);
  const before = heapUsed();
  for (let call = 0; call < 10_000; call += 1) {
    const renew = (body: string, beginning: string) => body.replaceAll(beginning, beginning.slice(0, 1) + String(call).padStart(7, '0'));
    for (const body of bodies) {
      const read = readEvent(Buffer.from(beginnings.reduce(renew, body)), 'pbx', call);
      if (read.kind === 'event') calls.accept(read.event);
    }
  }
  expect(calls.openFlows).toBe(10_000);
  expect(heapUsed() - before).toBeLessThan(150 * 2 ** 20);
});

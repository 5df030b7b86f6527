import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { headersRead } from '../../src/calls/headers.js';
import { HeaderTrimmer } from '../../src/esl/header-trimmer.js';
import { readRecording } from '../../src/esl/recording.js';
import { createEventReader, OWN_HEADERS } from '../../src/esl/switch-event.js';
import { FIXTURES, play, RULES } from '../support/goldens.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapUsed(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

/** As the thread that reads the switch passes it on. */
function trimmed(body: Buffer): Buffer {
  const into = Buffer.alloc(body.length);
  return into.subarray(0, new HeaderTrimmer([...OWN_HEADERS, ...headersRead(RULES)]).trim(body, into, 0));
}

const CALLS = 4_000;

it('holds calls that are being spoken in less than 2.5 kB each', async () => {
  const { events } = await readRecording(`${FIXTURES}calls/06-inbound-ext-answered.esl.gz`);
  const bodies = events.slice(0, 3).map(({ frame }) => trimmed(frame.subarray(frame.indexOf('\n\n') + 2)).toString());
  const beginnings = ['7cc17366', 'c925340d']; // of the uuids of its two legs
  const read = createEventReader();
  const { calls } = play([]);
  const before = heapUsed();
  for (let call = 0; call < CALLS; call += 1) {
    const renew = (body: string, beginning: string) => body.replaceAll(beginning, beginning.slice(0, 1) + String(call).padStart(7, '0'));
    for (const body of bodies) {
      const answer = read(Buffer.from(beginnings.reduce(renew, body)), 'pbx', call);
      if (answer.kind === 'event') calls.accept(answer.event);
    }
  }
  expect(calls.openFlows).toBe(CALLS);
  expect(heapUsed() - before).toBeLessThan(CALLS * 2_500);
});

// A process that has had a burst and works on: writes how many bytes it takes at the end.
import './load-typescript.mjs';

const { createMemorySaver } = await import('../../src/memory-saver.js');
const { silentLog } = await import('./silent-log.js');

/** Full collections that such work causes, and some more. */
const ROUNDS = 250;

if (process.argv[2] === 'saver') await createMemorySaver(silentLog).start();
burst();
const recent = new Array(100_000);
for (let round = 0, number = 0; round < ROUNDS; round += 1) {
  for (let made = 0; made < 30_000; made += 1, number += 1) recent[number % recent.length] = { number, text: `call ${number}` };
  await new Promise((resolve) => { setImmediate(resolve); });
}
process.stdout.write(String(process.memoryUsage.rss()));

/** A million things at once, and gone. */
function burst() {
  return Array.from({ length: 1_000_000 }, (_, number) => ({ number, text: `call ${number}` })).length;
}

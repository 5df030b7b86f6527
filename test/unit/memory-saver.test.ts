import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { growthPercent, IdleMemory } from '../../src/memory-saver.js';

const MB = 1_000_000;

/** What is decided after full collections with so many MB resident and on the heap. */
function decided(...footprints: [residentMb: number, heapMb: number][]): boolean[] {
  const idle = new IdleMemory();
  return footprints.map(([residentMb, heapMb]) => idle.isToSave({ residentBytes: residentMb * MB, heapBytes: heapMb * MB }));
}

it('gives back what a burst has left, once', () => {
  expect(decided([110, 40], [230, 130], [230, 90], [170, 85], [175, 88])).toEqual([false, false, true, false, false]);
});

it('leaves what comes and goes with each collection', () => {
  expect(decided([110, 40], [150, 60], [340, 240], [340, 222], [345, 250])).toEqual([false, false, false, false, false]);
});

it('takes what cannot be given back for what belongs there, until there is as much again', () => {
  expect(decided([110, 40], [200, 60], [200, 60], [200, 60], [230, 60], [240, 60])).toEqual([false, true, false, false, false, true]);
});

it.each([
  ['a small heap by half of it', 20, 50],
  ['one at full load by 16 MB', 50, 32],
  ['one with 100,000 subscriptions by 16 MB', 90, 18],
  ['a huge one by more, for the CPU', 1_000, 15],
])('lets garbage gather: %s', (_, liveMb, percent) => { expect(growthPercent(liveMb * MB)).toBe(percent); });

it('has a process that is busy take less again after a burst', async () => {
  const bytesAfter = async (saver: string) => {
    const program = fileURLToPath(new URL('../support/burst.mjs', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, ['--max-semi-space-size=8', program, saver], { env: { PATH: process.env['PATH'] } });
    return Number(stdout);
  };
  expect(await bytesAfter('saver')).toBeLessThan(await bytesAfter('none') * 0.6);
});

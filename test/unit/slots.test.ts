import { Slots } from '../../src/delivery/slots.js';
import { manualClock } from '../esl/manual-clock.js';

/** Slots, and POSTs in them that end when they are told to. */
function slots(concurrency: number, slowConcurrency: number) {
  const time = manualClock();
  const subject = new Slots(time.clock, { concurrency, slowConcurrency, slowMs: 100 });
  const ends = new Map<string, () => void>();
  const slow: string[] = [];
  const settle = async () => { for (let turn = 0; turn < 20; turn += 1) await Promise.resolve(); };
  return {
    slow,
    /** Named by tenant and number. */
    run: async (name: string, isSlow = false) => {
      const post = () => new Promise<void>((resolve) => { ends.set(name, () => { ends.delete(name); resolve(); }); });
      subject.run({ tenant: name[0]!, slow: isSlow, post, onSlow: () => { slow.push(name); } });
      await settle();
    },
    end: async (...names: string[]) => { for (const name of names) ends.get(name)!(); await settle(); },
    wait: async (ms: number) => { time.advance(ms); await settle(); },
    underWay: () => [...ends.keys()].join(' '),
  };
}

it('a POST that takes long gives its slot to another, and ends all the same', async () => {
  const { run, wait, end, underWay, slow } = slots(1, 1);
  await run('a1');
  await run('b1');
  expect(underWay()).toBe('a1');
  await wait(99);
  expect(underWay()).toBe('a1');
  await wait(1);
  expect([underWay(), slow]).toEqual(['a1 b1', ['a1']]);
  await end('b1', 'a1');
  await run('c1');
  expect(underWay()).toBe('c1');
});

it('never are there more than both pools hold: where the slow one is full, a POST keeps its slot', async () => {
  const { run, wait, end, underWay } = slots(2, 1);
  for (const name of ['a1', 'b1', 'c1', 'd1', 'e1']) await run(name);
  await wait(100);
  await wait(100);
  expect(underWay()).toBe('a1 b1 c1');
  await end('a1');
  expect(underWay()).toBe('b1 c1 d1');
});

it('what is known to be slow takes none of the ordinary slots', async () => {
  const { run, end, underWay } = slots(1, 1);
  await run('a1', true);
  await run('a2', true);
  await run('b1');
  expect(underWay()).toBe('a1 b1');
  await end('a1');
  expect(underWay()).toBe('b1 a2');
});

it('what turned slow comes before what is slow and has not begun', async () => {
  const { run, wait, end, underWay } = slots(1, 1);
  await run('a1', true);
  await run('a2', true);
  await run('b1');
  await wait(100);
  await end('a1');
  await run('c1');
  expect(underWay()).toBe('b1 c1');
});

it('of those who wait, whoever has the fewest comes first', async () => {
  const { run, end } = slots(1, 1);
  for (const name of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) await run(name);
  const order: string[] = [];
  for (const name of ['a1', 'b1', 'c1', 'a2', 'b2', 'a3']) { await end(name); order.push(name); } // each has to be under way to end
  expect(order).toHaveLength(6);
});

it('a standstill of our own is not held against receivers', async () => {
  const { run, wait, slow } = slots(2, 2);
  await run('a1');
  await wait(5_000);
  expect(slow).toEqual([]);
  await wait(100);
  expect(slow).toEqual(['a1']);
});

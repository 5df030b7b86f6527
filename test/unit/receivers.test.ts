import { Receivers, type ReceiversOptions, type Verdict } from '../../src/delivery/receivers.js';
import { createMetrics } from '../../src/metrics.js';
import type { Delivery } from '../../src/db/outbox.js';
import { DEFAULT_DELIVERIES } from '../../src/delivery/deliveries.js';
import { promiseTo } from '../delivery/promise.js';
import { manualClock } from '../esl/manual-clock.js';
import { silentLog } from '../support/silent-log.js';

const PER_URL = DEFAULT_DELIVERIES.perUrl;

/** One URL, whose POSTs take as long as is said. */
function receivers({ rate = null, ...options }: { rate?: number | null } & Partial<ReceiversOptions> = {}) {
  const time = manualClock();
  const subject = new Receivers({ clock: time.clock, log: silentLog, metrics: createMetrics(), random: () => 0.5, rateOf: () => rate }, { ...DEFAULT_DELIVERIES, ...options });
  let made = 0;

  function delivery(): Delivery {
    const { flowDay, ...promised } = promiseTo('http://crm.test/', `flow ${made += 1}`, 1);
    return { ...promised, day: flowDay, sequence: 1, attempt: 1, attemptsBefore: 0, alone: false, synthetic: null, replayed: false, expiresAtMs: null };
  }

  /** Resolves when the POST has ended. */
  async function post(ms: number): Promise<void> {
    const one = delivery();
    subject.enter(one);
    await new Promise<void>((resolve) => {
      subject.run(one, async (): Promise<Verdict> => {
        time.advance(ms);
        await Promise.resolve();
        resolve();
        return { kind: 'delivered', status: 200, health: { kind: 'well' } };
      });
    });
    await new Promise(setImmediate);
    subject.leave(one, false);
  }

  return { subject, time, post, room: () => subject.room(promiseTo('http://crm.test/', 'any', 1)), enter: () => { const one = delivery(); subject.enter(one); return one; } };
}

it.each([
  ['of which nothing is known', undefined, 2],
  ['that answers at once', 1, 64],
  ['that takes a while', 50, 40],
  ['that takes nearly as long as a slow one', 200, 10],
])('has in memory what a URL takes in two seconds: one %s', async (_, ms, ahead) => {
  const { post, room } = receivers();
  for (let posts = 0; ms !== undefined && posts < 20; posts += 1) await post(ms);
  expect(room()).toBe(ahead * PER_URL);
});

it('heeds when a URL becomes slower', async () => {
  const { post, room } = receivers();
  await post(1);
  expect(room()).toBe(64 * PER_URL);
  for (let posts = 0; posts < 10; posts += 1) await post(200);
  expect(room()).toBe(14 * PER_URL);
});

it('has no more in memory than it must of a URL that waits for its rate', async () => {
  const { subject, post, room, enter } = receivers({ rate: 1 });
  await post(1);
  const waiting = enter();
  subject.run(waiting, () => Promise.resolve({ kind: 'released' }));
  expect(room()).toBe(2 * PER_URL - 1);
});

it('begins nothing that waited for a slot while the URL turned slow', async () => {
  const { subject, time, enter } = receivers({ concurrency: 1 });
  const begun: boolean[] = [];
  for (const one of [enter(), enter(), enter()]) {
    subject.run(one, (go): Promise<Verdict> => {
      begun.push(go);
      return go ? new Promise(() => {}) : Promise.resolve({ kind: 'released' });
    });
  }
  time.advance(DEFAULT_DELIVERIES.slowMs);
  await new Promise(setImmediate);
  expect(begun).toEqual([true, false, false]);
});

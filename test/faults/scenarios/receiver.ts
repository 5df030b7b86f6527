import { systemClock } from '../../../src/clock.js';
import { TENANTS } from '../call.js';
import type { How } from '../receiver.js';
import type { Scenario } from '../scenario.js';

/** A share of the POSTs is answered so, from the first call to the last. */
function answering(name: string, how: How, share: number): Scenario {
  return {
    name: `receiver ${name}`,
    stage: () => ({ config: { delivery: { timeoutMs: 2_000 } } }),
    async hurt({ stage, player }) {
      stage.receiver.behave(how, share);
      await player.reached(1);
      stage.receiver.behave('well');
    },
  };
}

export const hanging = answering('hanging', 'hang', 0.01);
export const resetting = answering('resetting', 'reset', 0.3);
export const failing = answering('answering 500', 'error', 0.3);
export const dripping = answering('answering byte by byte', 'drip', 0.2);
export const flooding = answering('sending 1 GB', 'flood', 0.2);

export const refusing: Scenario = {
  name: 'receiver refusing',
  async hurt({ stage, player, form }) {
    await player.reached(0.2);
    await stage.receiver.refuse();
    await systemClock.sleep(form === 'full' ? 10_000 : 3_000);
    await stage.receiver.listen();
  },
};

/** Ten failures of each URL and what was in hand then; after that, one POST for each probe. */
const UNTIL_OPEN = TENANTS * (10 + 8);

/** Broken for good and mended: left alone meanwhile but for probes, and then all arrives, in order. */
export const broken: Scenario = {
  name: 'receiver broken, left alone, mended',
  late: true,
  stage: (form) => (form === 'full' ? {} : { config: { delivery: { breaker: { firstProbeMs: 2_000, lastProbeMs: 4_000 } } } }),
  async hurt({ stage, player, form }) {
    await player.reached(0.2);
    const before = stage.receiver.posts();
    stage.receiver.behave('error');
    await systemClock.sleep(form === 'full' ? 20_000 : 5_000);
    const posts = stage.receiver.posts() - before;
    stage.receiver.behave('well');
    const most = UNTIL_OPEN + TENANTS * (form === 'full' ? 1 : 2);
    if (posts > most) throw new Error(`${posts} POSTs while the receiver was broken, instead of ${most} at most`);
  },
};

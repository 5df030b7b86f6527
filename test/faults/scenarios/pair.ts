import { systemClock } from '../../../src/clock.js';
import type { Scenario } from '../scenario.js';

const LEASE_MS = 6_000;
const stage = () => ({ daemons: ['left', 'right'], config: { delivery: { leaseMs: LEASE_MS, timeoutMs: 1_500 } } });

export const oneKilled: Scenario = {
  name: 'two daemons, one killed',
  stage,
  async hurt({ stage: { daemon, start }, player, form }) {
    const times = form === 'full' ? 3 : 1;
    for (let time = 1; time <= times; time += 1) {
      const name = time % 2 === 1 ? 'left' : 'right';
      await player.reached((time - 0.5) / times);
      await daemon(name).stop('SIGKILL');
      await start(name);
    }
    return times;
  },
};

/** What it had in hand is sent by the other one as well: it counts as killed. */
export const oneStopped: Scenario = {
  name: 'two daemons, one stopped and continued',
  stage,
  async hurt({ stage: { daemon }, player }) {
    await player.reached(0.3);
    process.kill(daemon('left').pid, 'SIGSTOP');
    await systemClock.sleep(LEASE_MS * 1.5);
    process.kill(daemon('left').pid, 'SIGCONT');
    await player.reached(1);
    return 1;
  },
};

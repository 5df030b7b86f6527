import { systemClock } from '../../../src/clock.js';
import { moments } from '../chance.js';
import type { Scenario } from '../scenario.js';

export const restarted: Scenario = {
  name: 'postgres restarted',
  async hurt({ stage, player, chance, form }) {
    for (const moment of moments(form === 'full' ? 3 : 1, chance)) {
      await player.reached(moment);
      await stage.postgres.stop();
      await stage.postgres.start();
    }
  },
};

export const killed: Scenario = {
  name: 'postgres killed',
  async hurt({ stage, player, chance, form }) {
    for (const moment of moments(form === 'full' ? 3 : 1, chance)) {
      await player.reached(moment);
      await stage.postgres.kill();
      await stage.postgres.start();
    }
  },
};

export const paused: Scenario = {
  name: 'postgres paused',
  async hurt({ stage, player, chance, form }) {
    await player.reached(moments(1, chance, 0.1, 0.3)[0]!);
    await stage.postgres.pause();
    await systemClock.sleep(form === 'full' ? 30_000 : 6_000);
    await stage.postgres.resume();
  },
};

/** What it has in hand goes to a file, and the next process takes it up. What it had sent and could not record is sent again: it counts as killed. */
export const awayAtStop: Scenario = {
  name: 'postgres away while the daemon stops',
  stage: () => ({ env: { HOOKSWITCH_DRAIN_MS: '2000' } }),
  async hurt({ stage, player }) {
    await player.reached(0.4);
    await stage.postgres.kill();
    await player.reached(0.5);
    const code = await stage.daemon().stop('SIGTERM');
    if (code !== 0) throw new Error(`The daemon answered SIGTERM with ${code}`);
    await stage.postgres.start();
    await stage.start(stage.names[0]!);
    return 1;
  },
};

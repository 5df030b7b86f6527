import { moments, uuidOf } from '../chance.js';
import type { Scenario } from '../scenario.js';

/** A dead link shows sooner than in production, or the calls would be over. */
const IMPATIENT = { esl: { silenceMs: 2_000, pingMs: 1_000, loginTimeoutMs: 2_000 } };

export const cut: Scenario = {
  name: 'link cut at random bytes',
  async hurt({ stage, player, chance, form }) {
    for (const moment of moments(form === 'full' ? 5 : 2, chance)) {
      await player.reached(moment);
      const frame = player.lastFrame;
      await stage.pbx.cutAfter(frame, 1 + Math.floor(chance() * (frame.length - 1)));
    }
  },
};

export const reset: Scenario = {
  name: 'link reset',
  async hurt({ stage, player, chance, form }) {
    for (const moment of moments(form === 'full' ? 5 : 2, chance)) {
      await player.reached(moment);
      stage.pbx.reset();
    }
  },
};

export const silent: Scenario = {
  name: 'switch silent, then well',
  stage: () => ({ config: IMPATIENT }),
  async hurt({ stage, player }) {
    await player.reached(0.2);
    stage.pbx.behave('silent');
    stage.pbx.reset();
    await player.reached(0.45);
    stage.pbx.behave('well');
    await player.reached(1);
  },
};

export const halfOpen: Scenario = {
  name: 'link half open',
  stage: () => ({ config: IMPATIENT }),
  async hurt({ stage, player, chance, form }) {
    for (const moment of moments(form === 'full' ? 2 : 1, chance, 0.1, 0.6)) {
      await player.reached(moment);
      stage.hearing.lose();
      for (const client of stage.pbx.replay.clients) {
        client.wanted.clear();
        client.socket.pause(); // what comes is not read, and nothing is answered
      }
    }
  },
};

/** By turns killed, and told to restart: then it hangs up what is up, and says so. */
export const newCore: Scenario = {
  name: 'switch restarted, new Core-UUID',
  async hurt({ stage, player, chance, form }) {
    for (const [time, moment] of moments(form === 'full' ? 4 : 2, chance).entries()) {
      await player.reached(moment);
      await player.whileDown(() => stage.pbx.replay.restart({ orderly: time % 2 === 1, coreId: uuidOf(`core ${chance()}`) }));
    }
  },
};

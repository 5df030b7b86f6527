import { moments } from '../chance.js';
import type { Scenario, Scene } from '../scenario.js';

/** Ends the daemon at random moments; each time the next one starts at once, as a service manager would have it. */
async function again({ stage, player, chance }: Scene, times: number, signal: NodeJS.Signals): Promise<void> {
  for (const moment of moments(times, chance)) {
    await player.reached(moment);
    const ended = await stage.daemon().stop(signal);
    if (signal === 'SIGTERM' && ended !== 0) throw new Error(`The daemon answered SIGTERM with ${ended}`);
    await stage.start(stage.names[0]!);
  }
}

export const killed: Scenario = {
  name: 'daemon killed',
  load: (form) => (form === 'full' ? { perSecond: 30 } : { perSecond: 20 }),
  async hurt(scene) {
    scene.stage.hearing.expectDeaths();
    const times = scene.form === 'full' ? 20 : 1;
    await again(scene, times, 'SIGKILL');
    return times;
  },
};

export const terminated: Scenario = {
  name: 'daemon told to stop',
  hurt: (scene) => again(scene, scene.form === 'full' ? 8 : 2, 'SIGTERM'),
};

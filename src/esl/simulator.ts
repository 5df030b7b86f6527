import { aborted, type Clock } from '../clock.js';
import { freshCall } from './fresh-call.js';
import type { Recording } from './recording.js';
import type { ReplayedSwitch } from './replay.js';

export interface SimulatorDeps {
  pbx: ReplayedSwitch;
  clock: Clock;
  /** In [0, 1): it chooses calls, numbers, domains, and how long it is to the next call. */
  random: () => number;
  /** Never twice the same, whatever `random` says: a call that was played before would have the webhooks that it had. */
  newUuid: () => string;
}

export interface SimulatorOptions {
  /** What to play, by chance; not empty. */
  calls: readonly Recording[];
  /** Whose calls they become, by chance; none leaves each as it was recorded. */
  domains: readonly string[];
  /** Calls a second, on average; they come as independent callers do. */
  rate: number;
  /** How many, Infinity for no end. */
  count: number;
  /** 2 plays each call in half its time. */
  speed: number;
}

/** What a simulated switch has done so far. */
export interface SimulatorFigures { begun: number; ended: number; listeners: number; events: number }

export interface Simulator {
  figures(): SimulatorFigures;
  /** Plays the calls, and sends heartbeats besides. Resolves when the last call is over, or `stopping` aborts. */
  run(stopping: AbortSignal): Promise<void>;
}

/** As FreeSWITCH does unless configured. */
const HEARTBEAT_MS = 20_000;

/** See `Simulator`. Plays to whoever listens, and to nobody where nobody does, as a switch would. */
export function createSimulator({ pbx, clock, random, newUuid }: SimulatorDeps, { calls, domains, rate, count, speed }: SimulatorOptions): Simulator {
  let [begun, ended, events, sequence] = [0, 0, 0, 0];

  const anyOf = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];

  async function playOne(signal: AbortSignal): Promise<void> {
    begun += 1;
    const call = freshCall(anyOf(calls)!, { nowMs: clock.now().getTime(), speed, domain: anyOf(domains), sequence, random, newUuid });
    sequence = call.sequence;
    const startedAtMs = clock.monotonicMs();
    for (const event of call.recording.events) {
      const aheadMs = startedAtMs + event.atMs - clock.monotonicMs();
      if (aheadMs > 0) await clock.sleep(aheadMs, signal);
      if (signal.aborted) return;
      await pbx.play({ events: [event] }, { pace: 'full', unheard: true });
      events += 1;
    }
    ended += 1;
  }

  async function beat(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(HEARTBEAT_MS, signal);
      if (!signal.aborted) await pbx.heartbeat();
    }
  }

  async function beginAll(signal: AbortSignal): Promise<void> {
    const playing = new Set<Promise<void>>();
    let dueMs = clock.monotonicMs();
    while (begun < count && !signal.aborted) {
      const call = playOne(signal).finally(() => { playing.delete(call); });
      playing.add(call);
      dueMs += -Math.log(1 - random()) * 1_000 / rate;
      if (begun < count) await clock.sleep(Math.max(0, dueMs - clock.monotonicMs()), signal);
    }
    await Promise.race([Promise.all(playing), aborted(signal)]);
  }

  return {
    figures: () => ({ begun, ended, listeners: [...pbx.clients].filter(({ wanted }) => !wanted.isEmpty).length, events }),
    async run(stopping) {
      const over = new AbortController();
      const beating = beat(AbortSignal.any([over.signal, stopping]));
      await beginAll(stopping);
      over.abort();
      await beating;
      if (!stopping.aborted) await pbx.sent();
    },
  };
}

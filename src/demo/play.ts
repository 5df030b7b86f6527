import type { Clock } from '../clock.js';
import type { ReplayedSwitch } from '../esl/replay.js';
import type { DemoCall } from './call.js';

/** A call with its time and announcement. */
export interface Scheduled { readonly call: DemoCall; readonly atMs: number; readonly says: string }

export interface PlayDeps {
  pbx: ReplayedSwitch;
  clock: Clock;
  /** `real`: as it was recorded; `full`: one call after the other, as fast as the daemon reads. */
  pace: 'real' | 'full';
  onBegin: (says: string) => void;
  /** Called just before an event is written, with its `DemoEvent.id`. */
  onWrite: (id: string) => void;
}

/** Plays all calls at their times. Resolves when the switch has said everything, or `signal` aborts. */
export async function playAll(programme: readonly Scheduled[], deps: PlayDeps, signal: AbortSignal): Promise<void> {
  if (deps.pace === 'full') {
    for (const scheduled of programme) await playOne(scheduled, deps, signal);
    return;
  }
  await Promise.all(programme.map(async (scheduled) => {
    await deps.clock.sleep(scheduled.atMs, signal);
    await playOne(scheduled, deps, signal);
  }));
}

async function playOne({ call, says }: Scheduled, { pbx, clock, pace, onBegin, onWrite }: PlayDeps, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  onBegin(says);
  const startedAtMs = clock.monotonicMs();
  for (const { id, recorded } of call.events) {
    const aheadMs = startedAtMs + recorded.atMs - clock.monotonicMs();
    if (pace === 'real' && aheadMs > 0) await clock.sleep(aheadMs, signal);
    if (signal.aborted) return;
    onWrite(id);
    await pbx.play({ events: [recorded] }, { pace: 'full' });
  }
}

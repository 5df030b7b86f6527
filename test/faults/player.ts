import { systemClock } from '../../src/clock.js';
import type { RecordedEvent } from '../../src/esl/recording.js';
import type { ReplayedSwitch } from '../../src/esl/replay.js';
import { framesOf, type Call } from './call.js';
import type { Timetable } from './timetable.js';

/** Plays a timetable on a switch, in time, whether anybody listens or not. */
export class Player {
  readonly #timetable: Timetable;
  readonly #replay: ReplayedSwitch;
  readonly #waiting: { atMs: number; resolve: () => void }[] = [];
  #nowMs = 0;
  #isDown = false;
  readonly #frames = new Map<Call, readonly RecordedEvent[]>();
  /** The last event that was sent. */
  lastFrame: Buffer = Buffer.alloc(0);
  /** The most calls that were ever up at once. */
  mostAtOnce = 0;

  constructor(timetable: Timetable, replay: ReplayedSwitch) {
    this.#timetable = timetable;
    this.#replay = replay;
  }

  get lastsMs(): number { return this.#timetable.turns.at(-1)!.atMs; }

  /** Resolves when so great a share of the time has been played. */
  reached(share: number): Promise<void> {
    const atMs = share * this.lastsMs;
    return new Promise((resolve) => { if (atMs <= this.#nowMs) resolve(); else this.#waiting.push({ atMs, resolve }); });
  }

  /** The calls that are up end here, and nobody is told; none begins before the switch is there again. */
  async whileDown(restart: () => Promise<void>): Promise<void> {
    for (const call of this.#frames.keys()) call.cut = true;
    this.#frames.clear();
    this.#isDown = true;
    await restart().finally(() => { this.#isDown = false; });
  }

  /** Resolves with the last event; rejects when one could not be sent. */
  async play(stopping: AbortSignal): Promise<void> {
    const startedMs = systemClock.monotonicMs();
    for (const { atMs, call, event } of this.#timetable.turns) {
      const aheadMs = startedMs + atMs - systemClock.monotonicMs();
      if (aheadMs > 1) await systemClock.sleep(aheadMs, stopping);
      if (stopping.aborted) return;
      this.#tell(atMs);
      if (!call.cut) this.#send(call, event);
    }
    this.#tell(Infinity);
  }

  #send(call: Call, event: number): void {
    if (this.#isDown) { call.cut = true; return; }
    const frames = this.#frames.get(call) ?? framesOf(call);
    this.#frames.set(call, frames);
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#frames.size);
    call.playedAt[event] = Date.now();
    this.lastFrame = frames[event]!.frame;
    void this.#replay.play({ events: [frames[event]!] }, { pace: 'full', unheard: true }); // it waits for a listener that does not read; the calls do not
    if (event === frames.length - 1) this.#frames.delete(call);
  }

  #tell(atMs: number): void {
    this.#nowMs = atMs;
    for (const waiter of this.#waiting.splice(0)) if (waiter.atMs <= atMs) waiter.resolve(); else this.#waiting.push(waiter);
  }
}

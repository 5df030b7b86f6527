import type { SwitchEvent } from '../calls/event.js';

const MISSED = 3;

// Two heartbeats may come at once after a pause of the switch; a question every few seconds would be the least it costs.
const LEAST_MS = 5_000;

/** Learns how often a switch gives a sign of life by itself (event-heartbeat-interval, 20 s unless configured). */
export class Heartbeats {
  #lastMs: number | undefined;
  #intervalMs = Infinity;

  /** Goes by the interval where the switch names it, which not every release does, else by what lay between the last two. */
  heard(heartbeat: SwitchEvent): void {
    const named = Number(heartbeat.get('Heartbeat-Interval')) * 1_000;
    if (named > 0) this.#intervalMs = named;
    else if (this.#lastMs !== undefined) this.#intervalMs = heartbeat.receivedAtMs - this.#lastMs;
    this.#lastMs = heartbeat.receivedAtMs;
  }

  /** Longer than this a switch that is there is not silent; Infinity until it is known. */
  boundMs(): number { return Math.max(LEAST_MS, MISSED * this.#intervalMs); }
}

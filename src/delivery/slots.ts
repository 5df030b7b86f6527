import PQueue from 'p-queue';
import type { Clock } from '../clock.js';
import { Alarm } from './alarm.js';

export interface SlotsOptions {
  /** POSTs at once that have not yet taken `slowMs`. */
  concurrency: number;
  /** Besides, POSTs at once that have, or that go where the last ones did. */
  slowConcurrency: number;
  slowMs: number;
}

/** A POST to be made in a slot. `post` never rejects. */
export interface Job {
  /** Whose it is: of those who wait for a slot, whoever has the fewest comes first. */
  readonly tenant: string;
  /** Known to be slow: it takes none of the ordinary slots at all. */
  readonly slow: boolean;
  readonly post: () => Promise<void>;
  /** Told once, when the POST has taken `slowMs`, and when it began. */
  readonly onSlow: (startedMs: number) => void;
}

interface Flight { readonly startedMs: number; readonly done: Promise<void>; readonly onSlow: (startedMs: number) => void; readonly leave: () => void }

/** Those that have begun come before those that have not. */
const BEGUN = 1;

/**
 * The slots for POSTs, in two pools. A POST that has taken `slowMs` gives its ordinary slot back and goes on in the slow pool, so
 * receivers that hang keep each ordinary slot for so long and no longer, and those who know a receiver for slow begin there.
 * What answers in time therefore finds a slot however many hang, as long as the slow pool has room: where it is full, POSTs
 * that begin there wait, and those that turn slow stay where they are. There are never more than both pools hold.
 */
export class Slots {
  readonly #clock: Clock;
  readonly #slowMs: number;
  readonly #ordinary: PQueue;
  readonly #slow: PQueue;
  /** In the ordinary pool, the longest under way first. */
  readonly #flights = new Set<Flight>();
  /** Begun or waiting in either pool, by tenant. */
  readonly #counts = new Map<string, number>();
  readonly #alarm: Alarm;
  #excused = false;

  constructor(clock: Clock, { concurrency, slowConcurrency, slowMs }: SlotsOptions) {
    this.#clock = clock;
    this.#slowMs = slowMs;
    this.#ordinary = new PQueue({ concurrency });
    this.#slow = new PQueue({ concurrency: slowConcurrency });
    this.#alarm = new Alarm(clock, (dueMs) => this.#look(dueMs));
  }

  /** Runs the job as soon as there is a slot for it. */
  run(job: Job): void {
    const others = this.#counts.get(job.tenant) ?? 0;
    this.#counts.set(job.tenant, others + 1);
    const queue = job.slow ? this.#slow : this.#ordinary;
    void queue.add(() => (job.slow ? this.#post(job) : this.#fly(job)), { priority: -others });
  }

  /** While it is paused no POST begins; those under way go on. */
  setPaused(paused: boolean): void {
    if (paused === this.#ordinary.isPaused) return;
    for (const queue of [this.#ordinary, this.#slow]) if (paused) queue.pause(); else queue.start();
  }

  /** Resolves when the ordinary slot is free again, which may be before the POST has ended. */
  #fly(job: Job): Promise<void> {
    return new Promise((leave) => {
      const startedMs = this.#clock.monotonicMs();
      const flight: Flight = { startedMs, leave, onSlow: job.onSlow, done: this.#post(job).then(() => { this.#flights.delete(flight); leave(); }) };
      this.#flights.add(flight);
      this.#alarm.set(startedMs + this.#slowMs);
    });
  }

  async #post({ tenant, post }: Job): Promise<void> {
    await post();
    const left = this.#counts.get(tenant)! - 1;
    if (left === 0) this.#counts.delete(tenant); else this.#counts.set(tenant, left);
  }

  /**
   * Where the alarm itself is late, the time went by in this process or its machine, and says nothing about receivers: they get
   * it once more. Once only, for a machine may be slow all day.
   */
  #look(dueMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    this.#excused = !this.#excused && nowMs - dueMs > this.#slowMs / 2;
    if (this.#excused) return this.#alarm.set(nowMs + this.#slowMs);
    for (const flight of this.#flights) {
      if (flight.startedMs + this.#slowMs > nowMs) return this.#alarm.set(flight.startedMs + this.#slowMs);
      this.#flights.delete(flight);
      flight.onSlow(flight.startedMs);
      void this.#slow.add(() => { flight.leave(); return flight.done; }, { priority: BEGUN });
    }
  }
}

import { FailureWindow } from './failure-window.js';

/** When a URL is left alone, and for how long. Times in milliseconds. */
export interface BreakerPolicy {
  /** So many failures one after another open it … */
  failures: number;
  /** … and so does this share of all POSTs within `windowMs`, where there were `minSamples` or more. */
  share: number;
  minSamples: number;
  windowMs: number;
  /** How long it stays open before the first probe, and at most before a later one. */
  firstProbeMs: number;
  lastProbeMs: number;
}

/** `probing`: one POST is on its way, and nothing else may begin before it is known what became of it. */
export type BreakerState = 'closed' | 'open' | 'probing';

/** What a POST that is about to begin is: an ordinary one, the one that finds out whether the receiver is back, or none at all. */
export type Permit = 'post' | 'probe' | 'barred';

/** What is known of a POST that failed. */
export interface Failure {
  /** It was the probe. */
  probe: boolean;
  /** It took so long that it is no good to have many of its kind. */
  slow: boolean;
  /** How long the receiver asked to be left alone (`Retry-After`); 0 where it did not. */
  askedMs: number;
  /** In [0, 1); spreads the wait by ±10 %, so that many daemons do not probe at one moment. */
  chance: number;
}

/**
 * Whether one URL may be sent to, and with how many POSTs at once.
 *
 *   closed ── failures in a row, or too great a share ──▶ open ── its wait is over ──▶ probing
 *     ▲                                                    ▲                             │
 *     │                                                    └── twice the wait ── failed ─┤
 *     └──────────────── one POST at once, then 2, 4, 8 … as they succeed ──── succeeded ─┘
 *
 * A receiver that fails now and then keeps its throughput: single failures change nothing. Slow ones narrow it to one POST at
 * once, since each holds a slot for as long as a POST may take. Time and chance come from outside.
 */
export class Breaker {
  readonly #policy: BreakerPolicy;
  readonly #most: number;
  readonly #window: FailureWindow;
  #state: BreakerState = 'closed';
  #slots: number;
  #streak = 0;
  #failures = 0;
  #waitMs = 0;
  #probeAtMs = 0;

  /** Closed, with all of its `most` POSTs at once. */
  constructor(policy: BreakerPolicy, most: number) {
    this.#policy = policy;
    this.#most = most;
    this.#slots = most;
    this.#window = new FailureWindow(policy.windowMs);
  }

  get state(): BreakerState { return this.#state; }

  /** Failures since the last success. */
  get failures(): number { return this.#failures; }

  /** When the next probe may begin, on the clock of `nowMs`; undefined unless open. */
  get probeAtMs(): number | undefined { return this.#state === 'open' ? this.#probeAtMs : undefined; }

  /** Whether it is as it was at the beginning, but for POSTs that were counted. */
  get isPlain(): boolean { return this.#state === 'closed' && this.#failures === 0 && this.#slots === this.#most; }

  /** How many POSTs may be in hand at once. */
  slots(nowMs: number): number {
    if (this.#state === 'closed') return this.#slots;
    return this.#state === 'probing' || nowMs >= this.#probeAtMs ? 1 : 0;
  }

  /** Asks leave for a POST that begins now; after `probe` what became of it has to be told. */
  begin(nowMs: number): Permit {
    if (this.#state === 'closed') return 'post';
    if (this.#state === 'probing' || nowMs < this.#probeAtMs) return 'barred';
    this.#state = 'probing';
    return 'probe';
  }

  /** The probe was not sent after all; the next one may begin at once. */
  unused(): void { if (this.#state === 'probing') this.#state = 'open'; }

  /** Whichever POST it was, the receiver is back. */
  succeeded(nowMs: number): void {
    this.#failures = 0;
    this.#window.add(nowMs, false);
    if (this.#state !== 'closed') return this.#close();
    if (this.#slots === this.#most) return;
    this.#streak += 1;
    if (this.#streak < this.#slots) return;
    this.#slots = Math.min(2 * this.#slots, this.#most);
    this.#streak = 0;
  }

  failed(nowMs: number, failure: Failure): void {
    this.#failures += 1;
    if (this.#state === 'probing' && failure.probe) return this.#open(nowMs, failure, 2 * this.#waitMs);
    if (this.#state !== 'closed') return; // it began before the others had failed
    this.#window.add(nowMs, true);
    if (failure.slow) this.narrow();
    if (this.#isTooMuch(nowMs)) this.#open(nowMs, failure, this.#policy.firstProbeMs);
  }

  /** One POST at once, until they succeed. */
  narrow(): void {
    this.#slots = 1;
    this.#streak = 0;
  }

  #isTooMuch(nowMs: number): boolean {
    const { failures, share, minSamples } = this.#policy;
    if (this.#failures >= failures) return true;
    const { total, failed } = this.#window.counts(nowMs);
    return total >= minSamples && failed >= share * total;
  }

  #open(nowMs: number, { askedMs, chance }: Failure, waitMs: number): void {
    const { lastProbeMs } = this.#policy;
    this.#state = 'open';
    this.#waitMs = Math.min(Math.max(waitMs, askedMs), lastProbeMs);
    this.#probeAtMs = nowMs + this.#waitMs * (0.9 + chance * 0.2);
  }

  #close(): void {
    this.#state = 'closed';
    this.#window.clear(); // what led to the opening must not lead to the next one
    this.narrow();
  }
}

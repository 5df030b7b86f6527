import type { ReplayedSwitch } from '../../src/esl/replay.js';
import type { ReplayClient } from '../../src/esl/replay-client.js';

/**
 * What was said shortly before a link broke may have been lost with it: unread in the socket, or, where the process died, not yet
 * committed. On a busy machine that goes back further: by as long as webhooks took just then.
 */
const DOUBT_MS = { link: 750, process: 2_000 };
/** How far back "just then" goes. */
const RECENT_MS = 5_000;

/** Remembers when somebody listened to the switch, to tell what the daemons can know from what nobody can. */
export class Hearing {
  readonly #deaf: { fromMs: number; toMs: number }[] = [];
  readonly #listening = new Set<ReplayClient>();
  readonly #replay: ReplayedSwitch;
  #doubtMs = DOUBT_MS.link;
  /** The longest delay of a webhook in each second that had one. */
  readonly #delays = new Map<number, number>();

  constructor(replay: ReplayedSwitch) {
    this.#replay = replay;
    void this.#follow();
  }

  /** From now on links end because processes die. */
  expectDeaths(): void { this.#doubtMs = DOUBT_MS.process; }

  /** All has been played and told: links that end from now on ate nothing. */
  end(): void { this.#listening.clear(); }

  /** Whoever listens now hears nothing from now on, although their connections stay open. */
  lose(): void {
    for (const client of this.#listening) this.#gone(client);
  }

  /** A webhook came so long after its event. */
  delayed(delayMs: number): void {
    const second = Math.floor(Date.now() / 1_000);
    this.#delays.set(second, Math.max(delayMs, this.#delays.get(second) ?? 0));
  }

  /** Whether what was said then was surely heard. */
  heard(atMs: number): boolean { return !this.#deaf.some(({ fromMs, toMs }) => atMs >= fromMs && atMs <= toMs); }

  /**
   * Whether somebody listened for so long without a break at some time between the two that all that was up then is known. On a busy
   * machine that takes longer, by as long as webhooks took just then.
   */
  looked(fromMs: number, toMs: number, forMs: number): boolean {
    const neededMs = forMs + this.#longestDelayMs(fromMs, toMs);
    const ends = [fromMs, ...this.#deaf.map((deaf) => deaf.toMs).filter((at) => at > fromMs)];
    return ends.some((at) => this.heard(at + 1) && at + neededMs <= toMs && !this.#deaf.some((deaf) => deaf.fromMs < at + neededMs && deaf.toMs > at));
  }

  async #follow(): Promise<void> {
    for (let nth = 1; ; nth += 1) {
      const client = await this.#replay.subscriptions.wait(nth);
      const deaf = this.#deaf.at(-1);
      if (this.#listening.size === 0 && deaf !== undefined) deaf.toMs = Date.now();
      this.#listening.add(client);
      client.socket.once('close', () => this.#gone(client));
    }
  }

  #gone(client: ReplayClient): void {
    if (!this.#listening.delete(client) || this.#listening.size > 0) return;
    const nowMs = Date.now();
    this.#deaf.push({ fromMs: nowMs - this.#doubtMs - this.#longestDelayMs(nowMs - RECENT_MS, nowMs), toMs: Infinity });
  }

  #longestDelayMs(fromMs: number, toMs: number): number {
    return Math.max(0, ...[...this.#delays].filter(([second]) => (second + 1) * 1_000 > fromMs && second * 1_000 <= toMs).map(([, delayMs]) => delayMs));
  }
}

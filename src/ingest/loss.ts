/** What a HEARTBEAT of the switch says about its channels. */
export interface Heartbeat {
  /** `Session-Since-Startup`: every channel that there ever was. */
  readonly sessionsEver: number;
  /** `Session-Count`: those that are up. */
  readonly sessionsUp: number;
}

/** What we have seen of them. */
export interface Seen { readonly created: number; readonly up: number }

/** How many channels began, and how many ended, without our hearing of it. */
export interface Loss { readonly begun: number; readonly ended: number }

/**
 * Compares the switch's own counts with what was seen. One difference may be on its way: only what two heartbeats in a row show
 * is a loss. What is known to differ (channels from before the link, kinds that send no events) is the base line.
 */
export class LossDetector {
  #base: { ever: number; up: number } | undefined;
  #suspected: Loss = { begun: 0, ended: 0 };

  /** Forgets everything, after a new link or a reconciliation: the next heartbeat gives the base line. */
  reset(): void {
    this.#base = undefined;
    this.#suspected = { begun: 0, ended: 0 };
  }

  /** Undefined while nothing seems lost. */
  compare(heartbeat: Heartbeat, seen: Seen): Loss | undefined {
    const ever = heartbeat.sessionsEver - seen.created;
    const up = seen.up - heartbeat.sessionsUp;
    this.#base ??= { ever, up };
    const now: Loss = { begun: Math.max(0, ever - this.#base.ever), ended: Math.max(0, up - this.#base.up) };
    const before = this.#suspected;
    this.#suspected = now;
    const sure: Loss = { begun: Math.min(now.begun, before.begun), ended: Math.min(now.ended, before.ended) };
    return sure.begun > 0 || sure.ended > 0 ? sure : undefined;
  }
}

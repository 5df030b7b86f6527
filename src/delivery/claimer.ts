import { claim, dueUrls, FIRST_DAY, FIRST_URL, firstWaitingDay, type Share } from '../db/outbox-claim.js';
import type { Queryable } from '../db/pool.js';
import type { Lanes } from './lanes.js';
import type { Receivers } from './receivers.js';

export interface ClaimerOptions {
  holdMs: number;
  /** Deliveries taken by one statement, so that settling never waits long for claiming. */
  batch: number;
  /** URLs looked through by one statement. */
  urls: number;
  /** `Clock.monotonicMs`. */
  monotonicMs: () => number;
}

/**
 * Knows for which URLs something may be waiting in the outbox, and fetches it when there is room. It hears of them from the
 * writer (what could not be leased at once, a lane that moved on) and, for what comes due with time or was left by others,
 * from a look through the outbox now and then.
 */
export class Claimer {
  readonly #lanes: Lanes;
  readonly #receivers: Receivers;
  readonly #options: ClaimerOptions;
  /** In turn: whoever was served goes to the end. */
  readonly #wanted = new Set<string>();
  #looking = false;
  #cursor = FIRST_URL;
  /** What waits of earlier days is found with the next look. */
  #since = FIRST_DAY;

  constructor(lanes: Lanes, receivers: Receivers, options: ClaimerOptions) {
    this.#lanes = lanes;
    this.#receivers = receivers;
    this.#options = options;
  }

  /** Something for this URL is in the outbox and may be claimed. */
  want(urlKey: string): void { this.#wanted.add(urlKey); }

  wants(urlKey: string): boolean { return this.#wanted.has(urlKey); }

  /** Look through the outbox with the next claim. */
  lookAround(): void { this.#looking = true; }

  isReady(): boolean {
    return this.#receivers.totalRoom() > 0 && (this.#looking || this.#shares().length > 0);
  }

  /** One claim, into the lanes. */
  async claimOnce(db: Queryable, daemonId: number): Promise<void> {
    if (this.#looking) await this.#look(db);
    const shares = this.#shares();
    if (shares.length === 0) return;
    const claimed = await claim(db, shares, { daemonId, holdMs: this.#options.holdMs, since: this.#since });
    const nowMs = this.#options.monotonicMs();
    const counts = new Map<string, number>();
    for (const { expiresInMs, ...delivery } of claimed) {
      counts.set(delivery.urlKey, (counts.get(delivery.urlKey) ?? 0) + 1);
      this.#lanes.join({ ...delivery, expiresAtMs: expiresInMs === null ? null : nowMs + expiresInMs });
    }
    for (const { urlKey, room } of shares) {
      this.#wanted.delete(urlKey);
      if ((counts.get(urlKey) ?? 0) >= room) this.#wanted.add(urlKey); // a full share hints at more
    }
  }

  #shares(): Share[] {
    const shares: Share[] = [];
    let left = Math.min(this.#receivers.totalRoom(), this.#options.batch);
    for (const urlKey of this.#wanted) {
      if (left <= 0) break;
      if (!this.#receivers.isHungry(urlKey)) continue;
      const room = Math.min(this.#receivers.room(urlKey), left);
      shares.push({ urlKey, room });
      left -= room;
    }
    return shares;
  }

  async #look(db: Queryable): Promise<void> {
    if (this.#cursor === FIRST_URL) this.#since = await firstWaitingDay(db);
    const { due, next } = await dueUrls(db, this.#cursor, this.#options.urls, this.#since);
    for (const urlKey of due) this.#wanted.add(urlKey);
    this.#cursor = next;
    this.#looking = next !== FIRST_URL;
  }
}

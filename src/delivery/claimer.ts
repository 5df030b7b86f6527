import { claim, dueUrls, FIRST_DAY, FIRST_URL, firstWaitingDay, type Share } from '../db/outbox-claim.js';
import { putCdrFirst } from '../db/outbox-probe.js';
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

/** Of one claim, for a URL that can take so many, however many others there are. */
const LEAST_SHARE = 16;

/**
 * Knows for which URLs something may be waiting in the outbox, and fetches it when there is room. It hears of them from the
 * writer (what could not be leased at once, a lane that moved on) and, for what comes due with time or was left by others,
 * from a look through the outbox now and then. A URL that is left alone is forgotten until a look finds it again, so what waits
 * for it costs nothing.
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
  want(urlKey: string): void {
    if (!this.#receivers.isBarred(urlKey)) this.#wanted.add(urlKey);
  }

  wants(urlKey: string): boolean { return this.#wanted.has(urlKey); }

  /** Have the outbox looked through, see `look`. */
  lookAround(): void {
    this.#receivers.sweep();
    this.#looking = true;
  }

  isLooking(): boolean { return this.#looking && this.#receivers.totalRoom() > 0; }

  isReady(): boolean {
    if (this.#receivers.totalRoom() <= 0) return false;
    for (const urlKey of this.#wanted) if (this.#receivers.share(urlKey).room > 0) return true;
    return false;
  }

  /** One claim, into the lanes; what came of it is taken in after `before`. `reserved`: deliveries for which there must be room besides. */
  async claimOnce(db: Queryable, daemonId: number, { reserved, before }: { reserved: number; before: Promise<void> }): Promise<void> {
    const { shares, probes } = this.#shares(reserved);
    if (shares.length === 0) return;
    if (probes.length > 0) await putCdrFirst(db, probes, this.#since);
    const claimed = await claim(db, shares, { daemonId, holdMs: this.#options.holdMs, since: this.#since });
    await before;
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

  /** Tenants by turns, each with one of his URLs at a time: however many he has, the others' come no later for it. */
  #shares(reserved: number): { shares: Share[]; probes: string[] } {
    const shares: Share[] = [];
    const probes: string[] = [];
    let left = Math.max(0, Math.min(this.#receivers.totalRoom() - reserved, this.#options.batch));
    const part = Math.max(LEAST_SHARE, Math.floor(left / Math.max(1, this.#wanted.size)));
    for (let turn = this.#byTenant(); turn.length > 0 && left > 0; turn = turn.filter((urlKeys) => urlKeys.length > 0)) {
      for (const urlKeys of turn) {
        const urlKey = urlKeys.shift()!;
        const { room: free, probe } = this.#receivers.share(urlKey);
        const room = Math.min(free, left, part);
        if (room === 0) continue;
        shares.push({ urlKey, room });
        if (probe) probes.push(urlKey);
        left -= room;
      }
    }
    return { shares, probes };
  }

  /** A URL whose tenant is not known yet counts as a tenant of its own. */
  #byTenant(): string[][] {
    const byTenant = new Map<string, string[]>();
    for (const urlKey of this.#wanted) {
      if (this.#receivers.isBarred(urlKey)) { this.#wanted.delete(urlKey); continue; }
      const tenant = this.#receivers.tenantOf(urlKey) ?? urlKey;
      const urlKeys = byTenant.get(tenant);
      if (urlKeys) urlKeys.push(urlKey); else byTenant.set(tenant, [urlKey]);
    }
    return [...byTenant.values()];
  }

  /** Looks through a part of the outbox. */
  async look(db: Queryable): Promise<void> {
    if (this.#cursor === FIRST_URL) this.#since = await firstWaitingDay(db);
    const { due, next } = await dueUrls(db, this.#cursor, this.#options.urls, this.#since);
    for (const urlKey of due) this.want(urlKey);
    this.#cursor = next;
    this.#looking = next !== FIRST_URL;
  }
}

import type { Clock } from '../clock.js';
import type { NewDelivery } from '../db/outbox.js';

/** How long each event stays news, in milliseconds; one that is not named here always does. */
export type TimesToLive = Readonly<Record<string, number>>;

/**
 * Until when a delivery is worth sending, in milliseconds since 1970; null: for ever. Its time begins when it is found out, by an
 * event or by asking the switch: it is news then, whatever the switch's clock says, and a call that is up still has to be told.
 */
export function expiryOf(delivery: NewDelivery, ttlMs: TimesToLive, clock: Clock): number | null {
  const ttl = ttlMs[delivery.event];
  if (ttl === undefined) return null;
  return ttl + readAtMs(delivery, clock);
}

function readAtMs({ receivedAtMs }: NewDelivery, clock: Clock): number {
  const agoMs = receivedAtMs === undefined ? 0 : Math.max(0, clock.monotonicMs() - receivedAtMs);
  return Math.round(clock.now().getTime() - agoMs);
}

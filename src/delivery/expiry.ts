import type { Clock } from '../clock.js';
import type { NewDelivery } from '../db/outbox.js';

/** How long each event stays news, in milliseconds; one that is not named here always does. */
export type TimesToLive = Readonly<Record<string, number>>;

/** How long a delivery is worth sending. */
export interface Life {
  /** In all, milliseconds; null: for ever. */
  readonly ttlMs: number | null;
  /** Until when, on `Clock.monotonicMs`: setting the machine's clock neither ends it nor keeps it alive. */
  readonly expiresAtMs: number | null;
}

/**
 * The life of a delivery. It begins when it is found out, by an event or by asking the switch: it is news then, whatever the switch's
 * clock says, and a call that is up still has to be told.
 */
export function lifeOf({ event, receivedAtMs }: NewDelivery, timesToLive: TimesToLive, clock: Clock): Life {
  const ttlMs = timesToLive[event];
  if (ttlMs === undefined) return { ttlMs: null, expiresAtMs: null };
  const nowMs = clock.monotonicMs();
  return { ttlMs, expiresAtMs: Math.min(receivedAtMs ?? nowMs, nowMs) + ttlMs };
}

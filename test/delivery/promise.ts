import type { NewDelivery } from '../../src/db/outbox.js';
import { deliveryId, laneKey, urlKey } from '../../src/webhook/identity.js';

/** As long as the tests run. */
export const TODAY = new Date().toISOString().slice(0, 10);

export const SUBSCRIPTION = '5a000000-0000-4000-8000-000000000001';

/** A promise to `url` about the notice at `position` of a flow; the same arguments make the same promise. */
export function promiseTo(url: string, flowId: string, position: number, rest: Partial<NewDelivery> = {}): NewDelivery {
  return {
    id: deliveryId(SUBSCRIPTION, `${url} ${flowId}`, String(position), 'ringing'), lane: laneKey(url, flowId), urlKey: urlKey(url), url,
    subscriptionId: SUBSCRIPTION, domainId: 'd0000000-0000-4000-8000-000000000001', event: 'call.ringing', flowId, flowDay: TODAY, callId: flowId, fromNumber: '0912345678', toNumber: '1001', position,
    body: JSON.stringify({ flow: flowId, position }), occurredAt: new Date('2026-01-01T00:00:00Z'), receivedAtMs: 0, ...rest,
  };
}

/** The first `count` promises of one flow. */
export function flowTo(url: string, flowId: string, count: number): NewDelivery[] {
  return Array.from({ length: count }, (_, index) => promiseTo(url, flowId, index + 1));
}

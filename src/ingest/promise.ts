import type { Notice } from '../calls/notice.js';
import type { NewDelivery } from '../db/outbox.js';
import type { Directory } from '../subscriptions/directory.js';
import type { Subscription } from '../subscriptions/subscription.js';
import { envelope, envelopeRest } from '../webhook/envelope.js';
import { deliveryId, laneKey, urlKey } from '../webhook/identity.js';

/** What a notice promises: one delivery to each subscription of its domain that wants its state, held back where that is disabled. */
export function promise(notice: Notice, directory: Pick<Directory, 'find'>): NewDelivery[] {
  const subscriptions = directory.find(notice.domain, notice.state);
  if (subscriptions.length === 0) return [];
  const bodyFor = bodiesOf(notice);
  const occurredAt = new Date(notice.occurredAtUs / 1_000);
  return subscriptions.map((subscription) => {
    const { id: subscriptionId, domainId, url, enabled } = subscription;
    const id = deliveryId(subscriptionId, notice.flowId, notice.subjectId, notice.state);
    return {
      id,
      lane: laneKey(url, notice.flowId),
      urlKey: urlKey(url),
      url,
      subscriptionId,
      domainId,
      event: notice.state,
      flowId: notice.flowId,
      flowDay: dayOf(notice.flowStartedUs),
      callId: notice.payload.call_id,
      fromNumber: storable(notice.payload.from_number),
      toNumber: storable(notice.payload.to_number),
      position: notice.position,
      body: bodyFor(id, subscription),
      occurredAt,
      receivedAtMs: notice.receivedAtMs,
      ...(notice.synthetic && { synthetic: notice.synthetic }),
      ...(!enabled && { held: true as const }),
    };
  });
}

/** The body in the format that a subscription wants; the part that all have in common is made when the first one wants it. */
function bodiesOf({ payload, detail, state, occurredAtUs, synthetic }: Notice): (id: string, subscription: Pick<Subscription, 'format'>) => string {
  let v1: string | undefined;
  let v2: string | undefined;
  return (id, { format }) => {
    if (format !== 'v2') return v1 ??= JSON.stringify(payload);
    v2 ??= envelopeRest({ type: state, occurredAtUs, synthetic, data: { ...payload, ...detail } });
    return envelope(id, v2);
  };
}

/** UTC. What cannot be a day of our time is the first one: it only has to be the same again. */
function dayOf(us: number): string {
  return (us >= 0 && us < END_US ? new Date(us / 1_000) : new Date(0)).toISOString().slice(0, 10);
}

const END_US = Date.UTC(9999, 11, 31) * 1_000;

/** Numbers come from the wire; a NUL, which no text of Postgres holds, must not cost the webhook. */
const storable = (text: string): string => text.replaceAll('\0', '');

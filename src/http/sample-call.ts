import { stampIn } from '../calls/stamp.js';
import { CALL_STATES, type CallState, type Payload } from '../calls/notice.js';
import type { NewDelivery } from '../db/outbox.js';
import type { Subscription } from '../subscriptions/subscription.js';
import { envelope, envelopeRest } from '../webhook/envelope.js';
import { deliveryId, laneKey, urlKey } from '../webhook/identity.js';

/** Names that no real call has, made by the caller: uuids. */
export interface SampleIds { readonly flowId: string; readonly legId: string }

/** Numbers that are nobody's: 555-01xx is kept for fiction (NANPA), and 192.0.2.0/24 for documentation (RFC 5737). */
const CALLER = '+12025550143';
const HOTLINE = '+12025550100';
const EXTENSION = '1001';
const ADDRESS = '192.0.2.1';

/** It rang for 8 s, they talked for 65 s, and it ended now. */
const SECONDS_AGO: Record<CallState, number> = { ringing: 73, answered: 65, hangup: 0, cdr: 0 };

/**
 * An inbound call as its webhooks would tell it, made up: `ringing`, `answered`, `hangup` and `cdr`, all to one subscription, in order,
 * in its format. Marked as a test; else a receiver cannot tell it from a call.
 */
export function sampleCall(to: Pick<Subscription, 'id' | 'domainId' | 'domainName' | 'url' | 'format'>, { flowId, legId }: SampleIds, now: Date, timeZone: string): NewDelivery[] {
  const nowUs = now.getTime() * 1_000;
  const startedAt = new Date(now.getTime() - SECONDS_AGO.ringing * 1_000);
  return CALL_STATES.map((state, index) => {
    const id = deliveryId(to.id, flowId, legId, state);
    const occurredAtUs = nowUs - SECONDS_AGO[state] * 1_000_000;
    const payload = payloadOf(state, to.domainName, { flowId, legId }, stampIn(timeZone), nowUs);
    return {
      id, lane: laneKey(to.url, flowId), urlKey: urlKey(to.url), url: to.url, subscriptionId: to.id, domainId: to.domainId,
      event: state, flowId, flowDay: startedAt.toISOString().slice(0, 10), callId: flowId, fromNumber: CALLER, toNumber: EXTENSION, position: index + 1, occurredAt: new Date(occurredAtUs / 1_000), synthetic: 'test' as const,
      body: to.format === 'v2' ? envelope(id, envelopeRest({ type: state, occurredAtUs, synthetic: 'test', data: { ...payload, ...detailOf(state, { flowId, legId }) } })) : JSON.stringify(payload),
    };
  });
}

function payloadOf(state: CallState, domain: string, { flowId, legId }: SampleIds, stamp: (us: number | undefined) => string, nowUs: number): Payload {
  const at = (moment: CallState) => stamp(nowUs - SECONDS_AGO[moment] * 1_000_000);
  const has = (moment: CallState) => CALL_STATES.indexOf(moment) <= CALL_STATES.indexOf(state);
  return {
    application: 'dial', call_id: flowId, sip_call_id: `${legId}@${ADDRESS}`, domain, direction: 'inbound', from_number: CALLER, to_number: EXTENSION, hotline: HOTLINE,
    time_started: at('ringing'), time_answered: has('answered') ? at('answered') : '', time_ended: has('hangup') ? at('hangup') : '', state,
    ...(state === 'hangup' && { duration: SECONDS_AGO.ringing, billsec: SECONDS_AGO.answered }),
    ...(state === 'cdr' && { recording_url: '', status: 'answered' as const }),
  };
}

function detailOf(state: CallState, { flowId, legId }: SampleIds): object {
  const ofFlow = state === 'cdr';
  return {
    leg_id: ofFlow ? flowId : legId, flow_id: flowId,
    other_legs: [ofFlow ? { leg_id: legId, role: 'extension', number: EXTENSION } : { leg_id: flowId, role: 'caller', number: CALLER }],
    extension: EXTENSION, switch: 'test',
    ...(state !== 'ringing' && { answered_by: 'human' }),
    ...((state === 'hangup' || ofFlow) && { hangup_cause: 'NORMAL_CLEARING', hangup_party: 'caller' }),
  };
}

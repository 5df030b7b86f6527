import { DELIVERY_STATES, type DeliveryFilter } from '../db/delivery-list.js';
import { isUuid } from '../db/uuid.js';
import { isCount, parsePage, type Page } from './page.js';
import type { FieldError } from './problem.js';
import { readQuery } from './query.js';

/** Either which deliveries are asked for and which part of them, or everything that is wrong with the question. */
export type ParsedDeliveries = { kind: 'valid'; filter: DeliveryFilter; page: Page } | { kind: 'invalid'; errors: FieldError[] };

/** A name in our tables. */
export const MAX_EVENT_LENGTH = 64;
/** What is known of calls comes from the wire; longer than this is nobody's number or id. */
export const MAX_NUMBER_LENGTH = 64;
export const MAX_CALL_ID_LENGTH = 255;

const PARAMETERS = ['event', 'state', 'call_id', 'number', 'subscription', 'from', 'to', 'limit', 'cursor', 'domain'];

/** Reads the query of `GET /v1/delivery`. */
export function parseDeliveries(query: unknown): ParsedDeliveries {
  const reader = readQuery(query, PARAMETERS);
  const [event, callId, number] = [reader.text('event', MAX_EVENT_LENGTH), reader.text('call_id', MAX_CALL_ID_LENGTH), reader.text('number', MAX_NUMBER_LENGTH)];
  const states = reader.words('state', DELIVERY_STATES);
  const subscriptionId = reader.matching('subscription', isUuid, 'Must be the event_domain_uuid of a subscription.');
  const [from, to] = [reader.time('from'), reader.time('to')];
  if (from !== undefined && to !== undefined && from >= to) reader.errors.push({ field: 'to', message: 'Must be after from.' });
  const parsed = parsePage(query, [isCount, isUuid]);
  const errors = [...reader.errors, ...(parsed.kind === 'invalid' ? parsed.errors : [])];
  if (parsed.kind === 'invalid' || errors.length > 0) return { kind: 'invalid', errors };
  const filter: DeliveryFilter = {
    ...(event !== undefined && { event }), ...(states !== undefined && { states }), ...(callId !== undefined && { callId }), ...(number !== undefined && { number: asNumber(number) }),
    ...(subscriptionId !== undefined && { subscriptionId }), ...(from !== undefined && { from }), ...(to !== undefined && { to }),
  };
  return { kind: 'valid', filter, page: parsed.page };
}

/** A plus sign in a query that was not written as %2B arrives as a blank, and no number begins with one. */
function asNumber(text: string): string {
  return text.replace(/^ /, '+');
}

import type { ReplayableState } from '../db/outbox-replay.js';
import { isUuid } from '../db/uuid.js';
import { MAX_CALL_ID_LENGTH, MAX_NUMBER_LENGTH } from './delivery-query.js';
import type { FieldError } from './problem.js';
import { NOT_A_TIME, timeOf } from './query.js';
import { isRecord, own, requiredText, type Refuse } from './subscription-request.js';
import { refuseUnknown } from './subscription-change.js';

/** What is to be sent once more. */
export interface ReplayRequest {
  subscriptionId: string | null;
  callId: string | null;
  number: string | null;
  from: Date | null;
  to: Date | null;
  states: ReplayableState[];
  /** Whose; only an admin says so. */
  domain?: string;
}

/** Either the request, or everything that is wrong with it. */
export type ParsedReplay = { kind: 'valid'; request: ReplayRequest } | { kind: 'invalid'; errors: FieldError[] };

const SELECTORS = ['subscription', 'call_id', 'number', 'from'];
const FIELDS = [...SELECTORS, 'to', 'states'];
/** What waits or is under way is sent anyway. */
const REPLAYABLE: readonly ReplayableState[] = ['held', 'delivered', 'abandoned', 'expired'];
/** What did not reach its receiver. */
const UNSENT: ReplayableState[] = ['held', 'abandoned', 'expired'];
const MAX_DOMAIN_LENGTH = 253;

/** Reads the body of `POST /v1/replay`. It has to say what to send: a body that is empty by a slip of the pen must not send the whole history. */
export function parseReplay(body: unknown, { asAdmin }: { asAdmin: boolean }): ParsedReplay {
  if (!isRecord(body)) return { kind: 'invalid', errors: [{ field: '', message: 'The body must be a JSON object.' }] };
  const errors: FieldError[] = [];
  const refuse: Refuse = (field, message) => { errors.push({ field, message }); return ''; };
  const fields = asAdmin ? [...FIELDS, 'domain'] : FIELDS;
  refuseUnknown(body, fields, refuse);
  const text = (field: string, maxLength: number) => (own(body, field) === undefined ? null : requiredText(body, field, maxLength, refuse));

  const request: ReplayRequest = {
    subscriptionId: text('subscription', 36), callId: text('call_id', MAX_CALL_ID_LENGTH), number: text('number', MAX_NUMBER_LENGTH),
    from: timeIn(body, 'from', refuse), to: timeIn(body, 'to', refuse), states: statesIn(body, refuse),
    ...(asAdmin && { domain: requiredText(body, 'domain', MAX_DOMAIN_LENGTH, refuse) }),
  };
  const { subscriptionId, from, to } = request;
  if (subscriptionId !== null && subscriptionId !== '' && !isUuid(subscriptionId)) refuse('subscription', 'Must be the event_domain_uuid of a subscription.');
  if (from !== null && to !== null && from >= to) refuse('to', 'Must be after from.');
  if (errors.length === 0 && SELECTORS.every((field) => own(body, field) === undefined)) refuse('', `Say what to send once more: at least one of ${SELECTORS.join(', ')}.`);
  return errors.length > 0 ? { kind: 'invalid', errors } : { kind: 'valid', request };
}

function timeIn(body: Record<string, unknown>, field: string, refuse: Refuse): Date | null {
  const value = own(body, field);
  if (value === undefined) return null;
  const at = typeof value === 'string' ? timeOf(value) : undefined;
  if (at === undefined) refuse(field, NOT_A_TIME);
  return at ?? null;
}

function statesIn(body: Record<string, unknown>, refuse: Refuse): ReplayableState[] {
  const value = own(body, 'states');
  if (value === undefined) return UNSENT;
  const known = Array.isArray(value) ? REPLAYABLE.filter((state) => value.includes(state)) : [];
  if (Array.isArray(value) && value.length > 0 && value.length <= REPLAYABLE.length && value.every((state) => known.includes(state as ReplayableState))) return known;
  refuse('states', `Must be a list of any of ${REPLAYABLE.join(', ')}.`);
  return [];
}

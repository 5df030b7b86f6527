import type { SubscriptionChange } from '../db/sealed-subscriptions.js';
import type { AddressPolicy } from '../webhook/address.js';
import type { FieldError } from './problem.js';
import { isRecord, optionalKey, own, requiredText, urlMessage, type Refuse } from './subscription-request.js';

/** Either what is to be changed, with the host name of a new URL if that has yet to be resolved; or everything that is wrong with it. */
export type ParsedChange = { kind: 'valid'; change: SubscriptionChange; lookUp?: string } | { kind: 'invalid'; errors: FieldError[] };

const FIELDS = ['callback_url', 'callback_apikey', 'enabled', 'format', 'rate_per_second'];
const MAX_RATE = 1_000;

/**
 * Reads the body of `PATCH /v1/event/<id>`: any of `FIELDS`, by the rules of `POST /v1/event`. Here a field that we do not know is
 * refused: what is left out stays as it is, so a slip of the pen would look like success.
 */
export function parseChange(body: unknown, policy: AddressPolicy): ParsedChange {
  if (!isRecord(body)) return { kind: 'invalid', errors: [{ field: '', message: 'The body must be a JSON object.' }] };
  const errors: FieldError[] = [];
  const refuse: Refuse = (field, message) => { errors.push({ field, message }); return ''; };

  refuseUnknown(body, FIELDS, refuse);
  const verdict = says(body, 'callback_url') ? urlIn(body, policy, refuse) : undefined;
  const change: SubscriptionChange = {
    ...(verdict !== undefined && { url: verdict.text }),
    ...(says(body, 'callback_apikey') && { apiKey: optionalKey(body, refuse) }),
    ...(says(body, 'enabled') && { enabled: flagIn(body, refuse) }),
    ...(says(body, 'format') && { format: formatIn(body, refuse) }),
    ...(says(body, 'rate_per_second') && { ratePerSecond: rateIn(body, refuse) }),
  };
  if (errors.length === 0 && Object.keys(change).length === 0) refuse('', `Say what to change: any of ${FIELDS.join(', ')}.`);
  if (errors.length > 0) return { kind: 'invalid', errors };
  return { kind: 'valid', change, ...(verdict?.lookUp !== undefined && { lookUp: verdict.lookUp }) };
}

/** Refuses each field of a body that is none of these; the first few, for a client may send thousands. */
export function refuseUnknown(body: Record<string, unknown>, fields: readonly string[], refuse: Refuse): void {
  for (const field of Object.keys(body).filter((name) => !fields.includes(name)).slice(0, MOST_TOLD)) {
    refuse(field.slice(0, MOST_SHOWN), `Is not known here. There are ${fields.join(', ')}.`);
  }
}

const MOST_TOLD = 10;
const MOST_SHOWN = 64;

function says(body: Record<string, unknown>, field: string): boolean {
  return own(body, field) !== undefined;
}

function urlIn(body: Record<string, unknown>, policy: AddressPolicy, refuse: Refuse): { text: string; lookUp?: string | undefined } {
  const given = requiredText(body, 'callback_url', Infinity, refuse);
  const verdict = given === '' ? undefined : policy.checkUrl(given);
  if (verdict?.kind === 'refused') refuse('callback_url', urlMessage(verdict.reason));
  return verdict?.kind === 'allowed' ? verdict : { text: '' };
}

function flagIn(body: Record<string, unknown>, refuse: Refuse): boolean {
  const value = own(body, 'enabled');
  if (typeof value !== 'boolean') refuse('enabled', 'Must be true or false.');
  return value === true;
}

function formatIn(body: Record<string, unknown>, refuse: Refuse): 'v1' | 'v2' {
  const value = own(body, 'format');
  if (value !== 'v1' && value !== 'v2') refuse('format', 'Must be "v1" or "v2".');
  return value === 'v2' ? 'v2' : 'v1';
}

function rateIn(body: Record<string, unknown>, refuse: Refuse): number | null {
  const value = own(body, 'rate_per_second');
  if (value === null) return null;
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_RATE) return value as number;
  refuse('rate_per_second', `Must be a whole number from 1 to ${MAX_RATE}, or null for no limit.`);
  return null;
}

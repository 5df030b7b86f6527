import { isSealed } from '../seal.js';
import type { AddressPolicy } from '../webhook/address.js';
import type { FieldError } from './problem.js';

/** A wish for webhooks as a client put it, checked as far as it can be without DNS and the database. */
export interface SubscriptionRequest {
  event: string;
  url: string;
  apiKey: string;
  /** The host name of `url` if it has yet to be resolved and checked. */
  lookUp?: string;
  /** Whose it shall be; only an admin says so. */
  domain?: string;
}

/** Either the request, or everything that is wrong with it. */
export type Parsed = { kind: 'valid'; request: SubscriptionRequest } | { kind: 'invalid'; errors: FieldError[] };

const MAX_EVENT_LENGTH = 64;
const MAX_KEY_LENGTH = 1_024;
const MAX_DOMAIN_LENGTH = 253;

/** Reads the body of `POST /v1/event`. Fields that we do not know are ignored: clients send what their framework adds. */
export function parseSubscription(body: unknown, policy: AddressPolicy, { asAdmin }: { asAdmin: boolean }): Parsed {
  if (!isRecord(body)) return { kind: 'invalid', errors: [{ field: '', message: 'The body must be a JSON object.' }] };
  const errors: FieldError[] = [];
  const refuse = (field: string, message: string) => { errors.push({ field, message }); return ''; };

  const event = requiredText(body, 'event', MAX_EVENT_LENGTH, refuse);
  const given = requiredText(body, 'callback_url', Infinity, refuse);
  const apiKey = optionalKey(body, refuse);
  const domain = asAdmin ? requiredText(body, 'domain', MAX_DOMAIN_LENGTH, refuse) : undefined;
  const verdict = given === '' ? undefined : policy.checkUrl(given);
  if (verdict?.kind === 'refused') refuse('callback_url', urlMessage(verdict.reason));
  if (errors.length > 0 || verdict?.kind !== 'allowed') return { kind: 'invalid', errors };

  const { text: url, lookUp } = verdict;
  return { kind: 'valid', request: { event, url, apiKey, ...(lookUp === undefined ? {} : { lookUp }), ...(domain === undefined ? {} : { domain }) } };
}

/** A refusal of the address policy as a sentence. */
export function urlMessage(reason: string): string {
  return `Must be a public http or https URL: ${reason}.`;
}

/** Notes what is wrong with a field. */
export type Refuse = (field: string, message: string) => string;

/** Only an own property counts: `__proto__` and its like carry nothing in. */
export function own(body: Record<string, unknown>, field: string): unknown {
  return Object.hasOwn(body, field) ? body[field] : undefined;
}

/** A text that has to be there; '' where it is refused. */
export function requiredText(body: Record<string, unknown>, field: string, maxLength: number, refuse: Refuse): string {
  const value = own(body, field);
  if (value === undefined || value === null || value === '') return refuse(field, 'Is required.');
  if (typeof value !== 'string') return refuse(field, 'Must be a string.');
  if (value.length > maxLength) return refuse(field, `Must be at most ${maxLength} characters long.`);
  return /\p{Cc}|\p{Cs}/u.test(value) ? refuse(field, 'Must not contain control characters.') : value;
}

/** The key becomes a header's value (RFC 9110, 5.5), so one that could end the header or start another is refused here. */
export function optionalKey(body: Record<string, unknown>, refuse: Refuse): string {
  const value = own(body, 'callback_apikey') ?? '';
  if (typeof value !== 'string') return refuse('callback_apikey', 'Must be a string or null.');
  if (value.length > MAX_KEY_LENGTH) return refuse('callback_apikey', `Must be at most ${MAX_KEY_LENGTH} characters long.`);
  if (isSealed(value)) return refuse('callback_apikey', 'Must not begin with "sealed:".');
  if (!/^[\x20-\x7e\xa0-\xff]*$/.test(value)) return refuse('callback_apikey', 'Must contain printable Latin-1 characters only.');
  return value === value.trim() ? value : refuse('callback_apikey', 'Must not begin or end with a space.');
}

/** Whether a body is a JSON object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

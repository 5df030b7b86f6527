import { createHmac, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';

/** What the webhooks of one receiver are signed with: its secret, and for a while after a rotation the one before. */
export interface SigningKeys {
  readonly current: KeyObject;
  /** `untilMs`: milliseconds since 1970. */
  readonly previous?: { readonly key: KeyObject; readonly untilMs: number };
}

const FORM = /^whsec_([A-Za-z0-9+/]+={0,2})$/;
const LEAST_BYTES = 24;
const MOST_BYTES = 64;

/** A new secret as its owner gets it: `whsec_` and 32 random bytes in base64 (Standard Webhooks, "Signature scheme"). */
export function newSecret(random: Buffer = randomBytes(32)): string {
  return `whsec_${random.toString('base64')}`;
}

/**
 * The key that a secret stands for; undefined where it is none: `whsec_` and 24 to 64 bytes in base64. It is made once and kept,
 * for to make it costs several times what signing does.
 */
export function signingKey(secret: string): KeyObject | undefined {
  const text = FORM.exec(secret)?.[1];
  const bytes = text === undefined ? undefined : Buffer.from(text, 'base64');
  return bytes === undefined || bytes.length < LEAST_BYTES || bytes.length > MOST_BYTES ? undefined : createSecretKey(bytes);
}

/** The keys that sign at this time, the current one first. */
export function keysAt({ current, previous }: SigningKeys, now: Date): KeyObject[] {
  return previous !== undefined && now.getTime() < previous.untilMs ? [current, previous.key] : [current];
}

/**
 * The value of `webhook-signature` (Standard Webhooks): for each key `v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64,
 * separated by spaces. `timestamp` is the text of `webhook-timestamp`, `body` the bytes as they are sent.
 */
export function sign({ id, timestamp, body }: { id: string; timestamp: string; body: Buffer }, keys: readonly KeyObject[]): string {
  return keys.map((key) => `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`).join(' ');
}

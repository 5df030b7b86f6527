import { createHmac, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';

const FORM = /^whsec_([A-Za-z0-9+/]+={0,2})$/;
const LEAST_BYTES = 24;
const MOST_BYTES = 64;

/** A key as it is kept: tens of thousands of node:crypto's objects would take ten times the memory, and one is made in a microsecond. Shows itself to nobody. */
export class SigningKey {
  /** One character a byte. */
  readonly #bytes: string;

  private constructor(bytes: Buffer) {
    this.#bytes = bytes.toString('latin1');
  }

  /** The key that a secret stands for; undefined where it is none: `whsec_` and 24 to 64 bytes in base64. */
  static of(secret: string): SigningKey | undefined {
    const text = FORM.exec(secret)?.[1];
    const bytes = text === undefined ? undefined : Buffer.from(text, 'base64');
    return bytes === undefined || bytes.length < LEAST_BYTES || bytes.length > MOST_BYTES ? undefined : new SigningKey(bytes);
  }

  equals(other: SigningKey): boolean { return this.#bytes === other.#bytes; }

  /** To sign with: `createHmac` takes bytes as well, at five times the cost. */
  keyObject(): KeyObject { return createSecretKey(Buffer.from(this.#bytes, 'latin1')); }
}

/** What the webhooks of one receiver are signed with: its secret, and for a while after a rotation the one before. */
export interface SigningKeys {
  readonly current: SigningKey;
  /** `untilMs`: milliseconds since 1970. */
  readonly previous?: { readonly key: SigningKey; readonly untilMs: number };
}

/** A new secret as its owner gets it: `whsec_` and 32 random bytes in base64 (Standard Webhooks, "Signature scheme"). */
export function newSecret(random: Buffer = randomBytes(32)): string {
  return `whsec_${random.toString('base64')}`;
}

/** The keys that sign at this time, the current one first. */
export function keysAt({ current, previous }: SigningKeys, now: Date): SigningKey[] {
  return previous !== undefined && now.getTime() < previous.untilMs ? [current, previous.key] : [current];
}

/**
 * The value of `webhook-signature` (Standard Webhooks): for each key `v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64,
 * separated by spaces. `timestamp` is the text of `webhook-timestamp`, `body` the bytes as they are sent.
 */
export function sign({ id, timestamp, body }: { id: string; timestamp: string; body: Buffer }, keys: readonly SigningKey[]): string {
  return keys.map((key) => `v1,${createHmac('sha256', key.keyObject()).update(`${id}.${timestamp}.`).update(body).digest('base64')}`).join(' ');
}

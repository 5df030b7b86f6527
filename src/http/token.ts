import { createHash, randomBytes } from 'node:crypto';

const PREFIX = 'hsk_';
const FORM = /^hsk_[A-Za-z0-9_-]{43}$/;

/** A new bearer token: `hsk_` and 32 random bytes in base64url. It is shown once and never stored; see `hashToken`. */
export function newToken(secret: Buffer = randomBytes(32)): string {
  return PREFIX + secret.toString('base64url');
}

/**
 * What is stored of a token, and looked up: its SHA-256, 32 bytes. A slow hash would protect nothing, since nobody guesses
 * 256 random bits, and would cost each request.
 */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** Whether a text has the form of our tokens, so that anything else is refused without asking the database. */
export function isTokenForm(text: string): boolean {
  return FORM.test(text);
}

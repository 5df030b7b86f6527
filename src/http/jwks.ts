import { readFile } from 'node:fs/promises';
import { createLocalJWKSet, importJWK, type JWK, type JWTVerifyGetKey } from 'jose';
import { ConfigError } from '../config.js';

/** Finds the public key that a token names. Rejects with jose's `JWKSNoMatchingKey` where there is none, or with `KeysAway`. */
export type FindKey = JWTVerifyGetKey;

/** The keys cannot be had just now, so whether a token is good cannot be said. The client may try again. */
export class KeysAway extends Error {}

/** A set of keys that is of no use; the message says why, to follow the name of the file or URL. */
export class KeysFault extends Error {}

/** The longest set that is read, in bytes. */
export const MAX_SET_BYTES = 1_048_576;

/** The keys of a file, read once. @throws ConfigError where it cannot be read, or has no key for RS256 or ES256. */
export async function readKeyFile(path: string): Promise<FindKey> {
  const fault = (problem: string) => new ConfigError([{ key: 'jwt.jwksFile', value: JSON.stringify(path), problem, from: '' }]);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => { throw fault(`cannot be read (${error.code ?? error.name})`); });
  return await keySet(text).catch((error: unknown) => { throw error instanceof KeysFault ? fault(error.message) : error; });
}

/**
 * A JWK set (RFC 7517) from its text, of which only keys that may sign with RS256 or ES256 are kept: public ones, of 2048 bits or
 * more (RFC 7518, 3.3) or on P-256. Others beside them are no fault: sets are shared with other uses. @throws KeysFault
 */
export async function keySet(text: string): Promise<FindKey> {
  const keys: JWK[] = [];
  for (const key of entries(text)) if (await isUsable(key)) keys.push(key as JWK);
  if (keys.length === 0) throw new KeysFault('holds no public key for RS256 (RSA, 2048 bits or more) or ES256 (P-256)');
  return createLocalJWKSet({ keys });
}

function entries(text: string): unknown[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new KeysFault('is not JSON', { cause: error });
  }
  const keys = typeof parsed === 'object' && parsed !== null ? (parsed as { keys?: unknown }).keys : undefined;
  if (!Array.isArray(keys)) throw new KeysFault('is no JWK set: {"keys": [...]}');
  return keys;
}

async function isUsable(entry: unknown): Promise<boolean> {
  if (typeof entry !== 'object' || entry === null) return false;
  const jwk = entry as JWK;
  const algorithm = jwk.kty === 'RSA' ? 'RS256' : jwk.kty === 'EC' && jwk.crv === 'P-256' ? 'ES256' : undefined;
  if (algorithm === undefined || (jwk.alg ?? algorithm) !== algorithm || (jwk.use ?? 'sig') !== 'sig') return false;
  try {
    const key = await importJWK(jwk, algorithm);
    if (key instanceof Uint8Array || key.type !== 'public') return false;
    return algorithm === 'ES256' || (key.algorithm as { modulusLength?: number }).modulusLength! >= 2_048;
  } catch {
    return false; // whatever is wrong with an entry, it is none of ours
  }
}

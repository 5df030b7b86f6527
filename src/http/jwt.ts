import { createHash } from 'node:crypto';
import { decodeProtectedHeader, errors, jwtVerify, type JWTPayload, type JWTVerifyOptions } from 'jose';
import type { Clock } from '../clock.js';
import type { Logger } from '../log.js';
import { readKeyFile, type FindKey } from './jwks.js';
import { createRemoteKeys } from './jwks-url.js';

/** What JWTs are taken, and what their claims mean; '' for what is not set. */
export interface JwtOptions {
  /** For HS256. */
  readonly secret: string;
  /** The public keys for RS256 and ES256: in a file, or at a URL. */
  readonly jwksFile: string;
  readonly jwksUrl: string;
  readonly issuer: string;
  readonly audience: string;
  readonly domainClaim: string;
  readonly adminClaim: string;
  readonly adminValue: string;
  readonly clockToleranceSeconds: number;
}

/** Who a good JWT says is asking. Whether there is such a domain is the store's to say. */
export type JwtBearer =
  | { kind: 'admin'; issuer: string; subject: string }
  | { kind: 'tenant'; issuer: string; subject: string; /** A uuid or a name, as the token has it. */ domain: string };

/** Judges a token; undefined for one that is not good, whatever is wrong with it. Rejects with `KeysAway` where it cannot say. */
export type VerifyJwt = (token: string) => Promise<JwtBearer | undefined>;

export interface JwtDeps { clock: Clock; log: Logger }

/** The judge of JWTs, or undefined where no key is configured. @throws ConfigError for a file of keys that is of no use. */
export async function openJwt(options: JwtOptions, { clock, log }: JwtDeps): Promise<VerifyJwt | undefined> {
  const { secret, jwksFile, jwksUrl } = options;
  if (secret + jwksFile + jwksUrl === '') return undefined;
  const hmac = secret === '' ? undefined : new TextEncoder().encode(secret);
  const keys = jwksFile !== '' ? await readKeyFile(jwksFile) : jwksUrl === '' ? undefined : createRemoteKeys(jwksUrl, { clock, log });

  return async (token) => {
    try {
      const claims = await verified(token, { hmac, keys }, checksOf(options, clock.now()));
      return claims && bearerOf(claims, options);
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  };
}

/** Whether a bearer token can be a signed JWT at all (RFC 7515, 7.1); one without a signature has not even the form. */
export function isJwtForm(text: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
}

/** Under which name a JWT's bearer counts: equal for all tokens of one subject, and says nothing of it to who reads the log. */
export function bearerId({ issuer, subject }: JwtBearer, domainId: string): string {
  return `jwt:${createHash('sha256').update(JSON.stringify([issuer, subject, domainId])).digest('base64url').slice(0, 16)}`;
}

function checksOf({ issuer, audience, clockToleranceSeconds }: JwtOptions, now: Date): JWTVerifyOptions {
  return {
    requiredClaims: ['exp'], clockTolerance: clockToleranceSeconds, currentDate: now,
    ...(issuer !== '' && { issuer }), ...(audience !== '' && { audience }),
  };
}

/**
 * The token's header chooses between the keys and never between the ways to use one: a public key taken for the secret of
 * an HMAC would let anybody sign (RFC 8725, 2.1).
 */
async function verified(token: string, { hmac, keys }: { hmac: Uint8Array | undefined; keys: FindKey | undefined }, checks: JWTVerifyOptions): Promise<JWTPayload | undefined> {
  const { alg } = decodeHeader(token);
  if (alg === 'HS256' && hmac) return (await jwtVerify(token, hmac, { ...checks, algorithms: ['HS256'] })).payload;
  if ((alg === 'RS256' || alg === 'ES256') && keys) return await verifiedWith(keys, token, { ...checks, algorithms: ['RS256', 'ES256'] });
  return undefined;
}

/** A token may leave out which key it means (RFC 7515, 4.1.4), and while keys change there are several that fit. */
async function verifiedWith(keys: FindKey, token: string, checks: JWTVerifyOptions): Promise<JWTPayload | undefined> {
  try {
    return (await jwtVerify(token, keys, checks)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    for await (const key of error) {
      const outcome = await jwtVerify(token, key, checks).catch((refusal: unknown) => {
        if (refusal instanceof errors.JWSSignatureVerificationFailed) return undefined;
        throw refusal;
      });
      if (outcome) return outcome.payload;
    }
    return undefined;
  }
}

function decodeHeader(token: string): { alg?: unknown } {
  try {
    return decodeProtectedHeader(token);
  } catch {
    return {}; // jose throws its TypeError for a header that is no JSON
  }
}

function bearerOf(claims: JWTPayload, { domainClaim, adminClaim, adminValue }: JwtOptions): JwtBearer | undefined {
  const { iss: issuer = '', sub: subject = '' } = claims;
  const claim = (name: string): unknown => (Object.hasOwn(claims, name) ? claims[name] : undefined);
  if (adminClaim !== '' && [claim(adminClaim)].flat().some((value) => isValue(value, adminValue))) return { kind: 'admin', issuer, subject };
  const domain = claim(domainClaim);
  return typeof domain === 'string' && domain !== '' ? { kind: 'tenant', issuer, subject, domain } : undefined;
}

/** A claim may be a text, a number or a truth value; the configuration writes all of them as text. */
function isValue(claim: unknown, text: string): boolean {
  return ['string', 'number', 'boolean'].includes(typeof claim) && String(claim) === text;
}

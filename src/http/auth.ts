import type { FastifyReply, FastifyRequest } from 'fastify';
import { isUuid } from '../db/uuid.js';
import { KeysAway } from './jwks.js';
import { bearerId, isJwtForm, type VerifyJwt } from './jwt.js';
import { sendProblem, retryAfter, type Problem } from './problem.js';
import type { RateLimit } from './rate.js';
import type { ApiStore } from './store.js';
import { hashToken, isTokenForm } from './token.js';

/** Who asks: one tenant, who sees only its own, or the operator, who sees all. `tokenId` is a stored token's, or stands for the bearer of a JWT. */
export type Caller =
  | { kind: 'tenant'; tokenId: string; domainId: string }
  | { kind: 'admin'; tokenId: string };

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by `requireCaller` before any handler under /v1 runs. */
    caller: Caller | null;
  }
}

/** Who asks, in a handler under /v1. */
export function identified({ caller }: FastifyRequest): Caller {
  if (caller === null) throw new Error('A route under /v1 was reached without authentication');
  return caller;
}

export interface AuthDeps {
  store: Pick<ApiStore, 'findToken' | 'touchToken' | 'findDomain' | 'findDomainById'>;
  /** Where JWTs are taken. */
  jwt?: VerifyJwt | undefined;
  /** Requests of one token. */
  perToken: RateLimit;
  /** Failed authentications of one remote address. */
  failures: RateLimit;
}

// One answer for a token that is absent, garbled, unknown, expired, revoked, badly signed, or a disabled or unknown tenant's: which it is, is nobody's business.
const UNAUTHORIZED: Problem = {
  status: 401, detail: 'Send a valid token: Authorization: Bearer <token>.', headers: { 'www-authenticate': 'Bearer' },
};

const UNDECIDED: Problem = { status: 503, detail: 'The keys that sign tokens cannot be fetched. Try again shortly.', headers: retryAfter(5_000) };

/**
 * An onRequest hook: nobody unknown gets as far as having a body read. A valid token is let through whatever others did from
 * its address, for behind a proxy all tenants share one.
 */
export function requireCaller(deps: AuthDeps): (request: FastifyRequest, reply: FastifyReply) => Promise<unknown> {
  const { store, perToken, failures } = deps;
  return async (request, reply) => {
    const caller = await identifyCaller(request.headers.authorization, deps);
    if (caller === undefined || caller === 'undecided') {
      const passage = failures.take(request.ip);
      if (passage.kind === 'limited') return sendProblem(reply, tooMany('Too many failed authentications from this address.', passage.afterMs));
      return sendProblem(reply, caller === undefined ? UNAUTHORIZED : UNDECIDED);
    }
    request.caller = caller;
    const passage = perToken.take(caller.tokenId);
    if (passage.kind === 'limited') return sendProblem(reply, tooMany('Too many requests with this token.', passage.afterMs));
    await store.touchToken(caller.tokenId); // of a JWT nothing is stored, and nothing is noted
  };
}

function tooMany(detail: string, afterMs: number): Problem {
  return { status: 429, detail, headers: retryAfter(afterMs) };
}

/** Undefined for nobody we know; undecided where the token may be good and cannot be judged now. */
export async function identifyCaller(header: string | undefined, { store, jwt }: Pick<AuthDeps, 'store' | 'jwt'>): Promise<Caller | 'undecided' | undefined> {
  const token = /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1];
  if (token === undefined) return undefined;
  if (isTokenForm(token)) return await ownerOf(token, store);
  if (jwt === undefined || !isJwtForm(token)) return undefined;
  try {
    return await bearerOf(token, jwt, store);
  } catch (error) {
    if (error instanceof KeysAway) return 'undecided';
    throw error;
  }
}

/**
 * Looks the token up by its hash on each request, so that a revocation holds from the next request on. How long that takes
 * tells nothing: nobody can choose what a text hashes to.
 */
async function ownerOf(token: string, store: AuthDeps['store']): Promise<Caller | undefined> {
  const found = await store.findToken(hashToken(token));
  if (found.kind !== 'valid') return undefined;
  const { id: tokenId, scope } = found;
  if (scope.kind === 'admin') return { kind: 'admin', tokenId };
  return scope.domain.enabled ? { kind: 'tenant', tokenId, domainId: scope.domain.id } : undefined;
}

async function bearerOf(token: string, jwt: VerifyJwt, store: AuthDeps['store']): Promise<Caller | undefined> {
  const bearer = await jwt(token);
  if (bearer === undefined) return undefined;
  if (bearer.kind === 'admin') return { kind: 'admin', tokenId: bearerId(bearer, '') };
  const { domain: named } = bearer;
  if (named.includes('\0')) return undefined; // no text that Postgres can hold
  const domain = isUuid(named) ? await store.findDomainById(named) : await store.findDomain(named);
  return domain?.enabled ? { kind: 'tenant', tokenId: bearerId(bearer, domain.id), domainId: domain.id } : undefined;
}

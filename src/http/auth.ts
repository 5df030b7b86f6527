import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendProblem, retryAfter, type Problem } from './problem.js';
import type { RateLimit } from './rate.js';
import type { ApiStore } from './store.js';
import { hashToken, isTokenForm } from './token.js';

/** Who asks: one tenant, who sees only its own, or the operator, who sees all. */
export type Caller =
  | { kind: 'tenant'; tokenId: string; domainId: string }
  | { kind: 'admin'; tokenId: string };

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by `requireCaller` before any handler under /v1 runs. */
    caller: Caller | null;
  }
}

export interface AuthDeps {
  store: Pick<ApiStore, 'findToken' | 'touchToken'>;
  /** Requests of one token. */
  perToken: RateLimit;
  /** Failed authentications of one remote address. */
  failures: RateLimit;
}

// One answer for a token that is absent, garbled, unknown, expired, revoked or a disabled tenant's: which it is, is nobody's business.
const UNAUTHORIZED: Problem = {
  status: 401, detail: 'Send a valid token: Authorization: Bearer <token>.', headers: { 'www-authenticate': 'Bearer' },
};

/**
 * An onRequest hook: nobody unknown gets as far as having a body read. A valid token is let through whatever others did from
 * its address, for behind a proxy all tenants share one.
 */
export function requireCaller({ store, perToken, failures }: AuthDeps): (request: FastifyRequest, reply: FastifyReply) => Promise<unknown> {
  return async (request, reply) => {
    const caller = await identifyCaller(request.headers.authorization, store);
    if (caller === undefined) {
      const passage = failures.take(request.ip);
      if (passage.kind === 'limited') return sendProblem(reply, tooMany('Too many failed authentications from this address.', passage.afterMs));
      return sendProblem(reply, UNAUTHORIZED);
    }
    request.caller = caller;
    const passage = perToken.take(caller.tokenId);
    if (passage.kind === 'limited') return sendProblem(reply, tooMany('Too many requests with this token.', passage.afterMs));
    await store.touchToken(caller.tokenId);
  };
}

/** Who asks, in a handler under /v1: nobody gets there without having been identified. */
export function callerOf({ caller }: FastifyRequest): Caller {
  if (caller === null) throw new Error('A route under /v1 was reached without authentication');
  return caller;
}

function tooMany(detail: string, afterMs: number): Problem {
  return { status: 429, detail, headers: retryAfter(afterMs) };
}

/**
 * Looks the token up by its hash on each request, so that a revocation holds from the next request on. How long that takes
 * tells nothing: nobody can choose what a text hashes to.
 */
export async function identifyCaller(header: string | undefined, store: Pick<ApiStore, 'findToken'>): Promise<Caller | undefined> {
  const token = /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1];
  if (token === undefined || !isTokenForm(token)) return undefined;
  const found = await store.findToken(hashToken(token));
  if (found.kind !== 'valid') return undefined;
  const { id: tokenId, scope } = found;
  if (scope.kind === 'admin') return { kind: 'admin', tokenId };
  return scope.domain.enabled ? { kind: 'tenant', tokenId, domainId: scope.domain.id } : undefined;
}

import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../log.js';
import type { Metrics } from '../metrics.js';

/** Asked every few seconds by machines; their lines would bury the others. */
const QUIET = new Set(['/healthz', '/readyz', '/metrics']);

/** The id under which a request is found in the log: the client's own where it is harmless, else a new one. */
export function requestId({ headers }: IncomingMessage, fresh: () => string = randomUUID): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : fresh();
}

/** An onResponse hook: one line and one count per request. Of the URL only the route, since ids and queries are the tenants' own. */
export function recordRequest(log: Logger, metrics: Metrics): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  return (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    const { method, caller } = request;
    metrics.requests.inc({ method, route, status: String(reply.statusCode) });
    log[QUIET.has(route) ? 'debug' : 'info']('request', {
      method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime), requestId: request.id, remote: request.ip,
      tokenId: caller?.tokenId, domain: caller?.kind === 'tenant' ? caller.domainId : undefined,
    });
    return Promise.resolve();
  };
}

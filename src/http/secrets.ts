import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ReceiverName } from '../db/receivers.js';
import type { Secret } from '../db/sealed-subscriptions.js';
import { identified } from './auth.js';
import { invalid, NO_SUCH_SUBSCRIPTION, sendProblem } from './problem.js';
import type { ApiStore } from './store.js';

type Store = Pick<ApiStore, 'receiverOf' | 'secretOf' | 'rotateSecret'>;

/** How long after a rotation the secret before signs as well, unless the request says otherwise … */
export const OVERLAP_SECONDS = 86_400;
/** … and at most. */
export const LONGEST_OVERLAP_SECONDS = 604_800;

/** `/v1/event/<id>/secret`: what the webhooks to a subscription's URL are signed with, for its owner. Callers have been identified by then. */
export function registerSecrets(app: FastifyInstance, store: Store): void {
  app.get('/v1/event/:id/secret', (request, reply) => show(request, reply, store));
  app.register((scope, _options, done) => {
    // Nothing has to be said, and many clients announce JSON on every request all the same.
    const parse = scope.getDefaultJsonParser('error', 'error');
    scope.removeContentTypeParser('application/json');
    scope.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, parsed) => {
      if (body === '') parsed(null, undefined); else void parse(request, body, parsed);
    });
    scope.post('/v1/event/:id/secret', (request, reply) => rotate(request, reply, store));
    done();
  });
}

async function show(request: FastifyRequest, reply: FastifyReply, store: Store): Promise<unknown> {
  const receiver = await receiverOf(request, store);
  return answer(reply, receiver && await store.secretOf(receiver));
}

async function rotate(request: FastifyRequest, reply: FastifyReply, store: Store): Promise<unknown> {
  const overlapSeconds = overlapOf(request.body);
  if (overlapSeconds === undefined) {
    return invalid(reply, [{ field: 'overlap_seconds', message: `Must be a whole number from 0 to ${LONGEST_OVERLAP_SECONDS}.` }]);
  }
  const receiver = await receiverOf(request, store);
  return answer(reply, receiver && await store.rotateSecret(receiver, overlapSeconds));
}

function receiverOf(request: FastifyRequest, store: Store): Promise<ReceiverName | undefined> {
  const caller = identified(request);
  const { id } = request.params as { id: string };
  return store.receiverOf(caller.kind === 'tenant' ? caller.domainId : null, id);
}

function answer(reply: FastifyReply, secret: Secret | undefined): unknown {
  if (secret === undefined) return sendProblem(reply, NO_SUCH_SUBSCRIPTION);
  if (secret.kind !== 'opened') return sendProblem(reply, { status: 409, detail: whyLocked(secret) });
  return { secret: secret.secret, previous_valid_until: secret.previousUntil?.toISOString() ?? null };
}

/** Why a secret cannot be shown, and what helps. */
export function whyLocked(secret: Exclude<Secret, { kind: 'opened' }>): string {
  const why = secret.kind === 'locked' ? `The secret is sealed with the encryption key ${secret.keyId}, which is not configured.` : 'The stored secret is damaged.';
  return `${why} Until that is mended nothing is sent; rotating the secret makes a new one.`;
}

/** Undefined where the body says something else than a span that is allowed; without a body, the default. */
function overlapOf(body: unknown): number | undefined {
  if (body === undefined || body === null) return OVERLAP_SECONDS;
  if (typeof body !== 'object' || Array.isArray(body)) return undefined;
  const given: unknown = Object.hasOwn(body, 'overlap_seconds') ? (body as { overlap_seconds: unknown }).overlap_seconds : OVERLAP_SECONDS;
  return Number.isInteger(given) && (given as number) >= 0 && (given as number) <= LONGEST_OVERLAP_SECONDS ? given as number : undefined;
}

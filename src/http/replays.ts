import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { StoredReplay } from '../db/replays.js';
import { identified } from './auth.js';
import { ownerIn, type DeliveryDeps } from './deliveries.js';
import { namedDomain, NO_SUCH_DOMAIN } from './events.js';
import { invalid, sendProblem, type FieldError } from './problem.js';
import { parseReplay } from './replay-request.js';
import type { ApiStore } from './store.js';

export interface ReplayDeps extends DeliveryDeps { store: Pick<ApiStore, 'findDomain' | 'findSubscriptionOf'> }

const NO_SUCH_SUBSCRIPTION: FieldError = { field: 'subscription', message: 'There is no such subscription.' };

/** `/v1/replay`: what a tenant wants to be sent once more. The daemons do it, in steps. Callers have been identified by then. */
export function registerReplays(app: FastifyInstance, deps: ReplayDeps): void {
  app.post('/v1/replay', (request, reply) => begin(request, reply, deps));
  app.get('/v1/replay/:id', (request, reply) => show(request, reply, deps));
}

async function begin(request: FastifyRequest, reply: FastifyReply, { store, history }: ReplayDeps): Promise<unknown> {
  const caller = identified(request);
  const parsed = parseReplay(request.body, { asAdmin: caller.kind === 'admin' });
  if (parsed.kind === 'invalid') return invalid(reply, parsed.errors);
  const { domain = '', ...wanted } = parsed.request;
  const domainId = caller.kind === 'tenant' ? caller.domainId : await namedDomain(domain, store);
  if (domainId === undefined) return invalid(reply, [NO_SUCH_DOMAIN]);
  if (wanted.subscriptionId !== null && await store.findSubscriptionOf(domainId, wanted.subscriptionId) === undefined) return invalid(reply, [NO_SUCH_SUBSCRIPTION]);

  const { id, created } = await history.addReplay({ domainId, ...wanted });
  if (created) return reply.code(202).send({ replay_id: id });
  return sendProblem(reply, { status: 409, detail: `Replay ${id} is still running; there is one at a time. GET /v1/replay/${id} says how far it has come.`, members: { replay_id: id } });
}

async function show(request: FastifyRequest, reply: FastifyReply, { history }: ReplayDeps): Promise<unknown> {
  const { id } = request.params as { id: string };
  const replay = await history.findReplay(ownerIn(request), id);
  return replay === undefined ? sendProblem(reply, { status: 404, detail: 'There is no such replay.' }) : toReplay(replay);
}

function toReplay({ id, state, matched, replayed, createdAt, finishedAt }: StoredReplay) {
  return { replay_id: id, state, matched, replayed, created_at: createdAt, finished_at: finishedAt };
}

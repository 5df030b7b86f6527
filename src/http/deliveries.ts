import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { identified } from './auth.js';
import { bodiless } from './bodiless.js';
import { MAX_CALL_ID_LENGTH, parseDeliveries } from './delivery-query.js';
import { toDelivery, toDeliveryOfCall, toDetailedDelivery } from './delivery-shown.js';
import { domainAsked, NO_SUCH_DOMAIN } from './events.js';
import type { HistoryStore } from './history-store.js';
import { pageAnswer } from './page.js';
import { invalid, sendProblem, type Problem } from './problem.js';
import { isClean } from './query.js';
import type { ApiStore } from './store.js';

export interface DeliveryDeps { store: Pick<ApiStore, 'findDomain'>; history: HistoryStore }

// Also of somebody else's: whether there is one is nobody's business.
const NO_SUCH_DELIVERY: Problem = { status: 404, detail: 'There is no such delivery.' };
const NO_SUCH_CALL: Problem = { status: 404, detail: 'No webhook of yours is about such a call.' };
const IN_PROGRESS: Problem = { status: 409, detail: 'This delivery is being sent, or waits to be.' };

/** `/v1/delivery` and `/v1/call`: what a tenant was told, and what came of it. Callers have been identified by then. */
export function registerDeliveries(app: FastifyInstance, deps: DeliveryDeps): void {
  app.get('/v1/delivery', (request, reply) => list(request, reply, deps));
  app.get('/v1/delivery/:id', (request, reply) => show(request, reply, deps));
  app.get('/v1/call/:id', (request, reply) => showCall(request, reply, deps));
  bodiless(app, (scope) => { scope.post('/v1/delivery/:id/retry', (request, reply) => retry(request, reply, deps)); });
}

async function list(request: FastifyRequest, reply: FastifyReply, { store, history }: DeliveryDeps): Promise<unknown> {
  const parsed = parseDeliveries(request.query);
  if (parsed.kind === 'invalid') return invalid(reply, parsed.errors);
  const domainId = await domainAsked(request, store);
  if (domainId === undefined) return invalid(reply, [NO_SUCH_DOMAIN]);
  const { filter, page } = parsed;
  const after = page.after === undefined ? undefined : { createdMicros: Number(page.after[0]), id: page.after[1]! };
  return pageAnswer(await history.listDeliveries(domainId, filter, page.limit + 1, after), page, ({ createdMicros, id }) => [createdMicros, id], toDelivery);
}

async function show(request: FastifyRequest, reply: FastifyReply, { history }: DeliveryDeps): Promise<unknown> {
  const delivery = await history.findDelivery(ownerIn(request), idIn(request));
  return delivery === undefined ? sendProblem(reply, NO_SUCH_DELIVERY) : toDetailedDelivery(delivery);
}

async function retry(request: FastifyRequest, reply: FastifyReply, { history }: DeliveryDeps): Promise<unknown> {
  const delivery = await history.findDelivery(ownerIn(request), idIn(request));
  const retried = delivery === undefined ? 'not-found' : await history.retryDelivery(delivery.domainId, delivery.id);
  switch (retried) {
    case 'not-found': return sendProblem(reply, NO_SUCH_DELIVERY);
    case 'in-progress': return sendProblem(reply, IN_PROGRESS);
    case 'retried': return reply.code(202).send({ delivery_id: delivery!.id, state: 'pending' });
  }
}

async function showCall(request: FastifyRequest, reply: FastifyReply, { history }: DeliveryDeps): Promise<unknown> {
  const id = idIn(request);
  const deliveries = id.length <= MAX_CALL_ID_LENGTH && isClean(id) ? await history.findCall(ownerIn(request), id) : [];
  const [first] = deliveries;
  if (first === undefined) return sendProblem(reply, NO_SUCH_CALL);
  return { flow_id: first.flowId, domain_uuid: first.domainId, from_number: first.fromNumber, to_number: first.toNumber, deliveries: deliveries.map(toDeliveryOfCall) };
}

/** Whose rows the caller may see; null for an admin, who sees all. */
export function ownerIn(request: FastifyRequest): string | null {
  const caller = identified(request);
  return caller.kind === 'tenant' ? caller.domainId : null;
}

function idIn(request: FastifyRequest): string {
  return (request.params as { id: string }).id;
}

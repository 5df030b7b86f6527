import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { OpenSubscription } from '../db/sealed-subscriptions.js';
import { identified } from './auth.js';
import { ELSEWHERE, refusalOf, toDetails, type EventDeps } from './events.js';
import { invalid, NO_SUCH_SUBSCRIPTION, sendProblem, type Problem } from './problem.js';
import type { ApiStore } from './store.js';
import { parseChange } from './subscription-change.js';
import { urlMessage } from './subscription-request.js';

const TAKEN: Problem = {
  status: 409, detail: 'There is a subscription to the same event at this URL already.', errors: [{ field: 'callback_url', message: 'Is taken by another subscription to the same event.' }],
};
const LOCKED: Problem = {
  status: 409, detail: 'The stored callback_apikey cannot be opened, so it cannot move to another URL. Say callback_apikey too.',
  errors: [{ field: 'callback_apikey', message: 'Is required here.' }],
};
const DISTURBED: Problem = { status: 409, detail: 'Others change this subscription at the same time. Look at it and try again.' };

/** Past it, how many deliveries are kept is not counted any more. */
const MOST_COUNTED = 10_000;

/** `/v1/event/<id>`: one subscription, for its owner. Callers have been identified by then. */
export function registerSubscription(app: FastifyInstance, deps: EventDeps): void {
  app.get('/v1/event/:id', (request, reply) => show(request, reply, deps));
  app.patch('/v1/event/:id', (request, reply) => change(request, reply, deps));
}

/** The subscription that the path names, if it is the caller's to see; an admin sees all. */
export function subscriptionIn(request: FastifyRequest, store: Pick<ApiStore, 'findSubscriptionOf'>): Promise<OpenSubscription | undefined> {
  const caller = identified(request);
  const { id } = request.params as { id: string };
  return store.findSubscriptionOf(caller.kind === 'tenant' ? caller.domainId : null, id);
}

async function show(request: FastifyRequest, reply: FastifyReply, { store }: EventDeps): Promise<unknown> {
  const subscription = await subscriptionIn(request, store);
  return subscription === undefined ? sendProblem(reply, NO_SUCH_SUBSCRIPTION) : toDetails(subscription);
}

async function change(request: FastifyRequest, reply: FastifyReply, deps: EventDeps): Promise<unknown> {
  const { store, policy } = deps;
  const parsed = parseChange(request.body, policy);
  if (parsed.kind === 'invalid') return invalid(reply, parsed.errors);
  const before = await subscriptionIn(request, store);
  if (before === undefined) return sendProblem(reply, NO_SUCH_SUBSCRIPTION);
  const { id, domainId } = before;
  if (await store.sourceOfSubscription(domainId, id) === 'fusionpbx') return sendProblem(reply, ELSEWHERE);
  const refusal = parsed.lookUp === undefined ? undefined : await refusalOf(parsed.lookUp, deps);
  if (refusal !== undefined) return invalid(reply, [{ field: 'callback_url', message: urlMessage(refusal) }]);

  const changed = await store.changeSubscription(domainId, id, parsed.change);
  switch (changed.kind) {
    case 'absent': return sendProblem(reply, NO_SUCH_SUBSCRIPTION);
    case 'taken': return sendProblem(reply, TAKEN);
    case 'locked': return sendProblem(reply, LOCKED);
    case 'disturbed': return sendProblem(reply, DISTURBED);
    case 'changed': return { ...toDetails(changed.subscription), ...(parsed.change.enabled === true && await heldOf(changed.subscription, store)) };
  }
}

/** What was kept while it was disabled, and how to have it sent. */
async function heldOf({ id, domainId }: OpenSubscription, store: EventDeps['store']) {
  const held = await store.countHeld(domainId, id, MOST_COUNTED);
  return { held, ...(held > 0 && { hint: `To have them sent: POST /v1/replay with {"subscription": "${id}", "states": ["held"]}.` }) };
}

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../clock.js';
import type { Subscription } from '../subscriptions/subscription.js';
import type { AddressPolicy } from '../webhook/address.js';
import { AddressRefused, resolveAllowed, type Resolve } from '../webhook/lookup.js';
import type { Caller } from './auth.js';
import { bodiless } from './bodiless.js';
import { invalid, sendProblem, type FieldError, type Problem } from './problem.js';
import type { ApiStore } from './store.js';
import { parseSubscription, urlMessage } from './subscription-request.js';

export interface EventDeps {
  store: ApiStore;
  clock: Pick<Clock, 'sleep'>;
  policy: AddressPolicy;
  resolve: Resolve;
  /** The events that are ever delivered. */
  knownEvents: readonly string[];
}

/** How long a client may wait for its URL's name to be resolved; a name that takes longer is judged when it is called. */
const RESOLVE_MS = 2_000;

/** `/v1/event`: a tenant's subscriptions. Callers have been identified by then. */
export function registerEvents(app: FastifyInstance, deps: EventDeps): void {
  app.get('/v1/event', (request, reply) => list(request, reply, deps));
  app.post('/v1/event', (request, reply) => create(request, reply, deps));
  bodiless(app, (scope) => { scope.delete('/v1/event/:id', (request, reply) => remove(request, reply, deps)); });
}

async function list(request: FastifyRequest, reply: FastifyReply, { store }: EventDeps): Promise<unknown> {
  const caller = callerOf(request);
  if (caller.kind === 'tenant') return { data: (await store.listSubscriptions(caller.domainId)).map(toContract) };
  const { domain } = request.query as { domain?: string | string[] };
  if (domain === undefined) return { data: (await store.listAllSubscriptions()).map(toContract) };
  const domainId = await namedDomain(domain, store);
  return domainId === undefined ? invalid(reply, [NO_SUCH_DOMAIN]) : { data: (await store.listSubscriptions(domainId)).map(toContract) };
}

async function create(request: FastifyRequest, reply: FastifyReply, deps: EventDeps): Promise<unknown> {
  const caller = callerOf(request);
  const parsed = parseSubscription(request.body, deps.policy, { asAdmin: caller.kind === 'admin' });
  if (parsed.kind === 'invalid') return invalid(reply, parsed.errors);
  const { event, url, apiKey, lookUp, domain = '' } = parsed.request;
  const domainId = caller.kind === 'tenant' ? caller.domainId : await namedDomain(domain, deps.store);
  if (domainId === undefined) return invalid(reply, [NO_SUCH_DOMAIN]);
  const refusal = lookUp === undefined ? undefined : await refusalOf(lookUp, deps);
  if (refusal !== undefined) return invalid(reply, [{ field: 'callback_url', message: urlMessage(refusal) }]);

  if (await deps.store.sourceOfWish(domainId, event, url) === 'fusionpbx') return sendProblem(reply, ELSEWHERE);
  const stored = await deps.store.upsertSubscription(domainId, event, url, apiKey);
  if (stored === undefined) return invalid(reply, [NO_SUCH_DOMAIN]);
  const warning = `Event ${JSON.stringify(event)} is not known and will not be delivered. Known events: ${deps.knownEvents.join(', ')}.`;
  return { created: true, event_domain_uuid: stored.id, ...(deps.knownEvents.includes(event) ? {} : { warning }) };
}

async function remove(request: FastifyRequest, reply: FastifyReply, { store }: EventDeps): Promise<unknown> {
  const { id } = request.params as { id: string };
  const caller = callerOf(request);
  const domainId = caller.kind === 'tenant' ? caller.domainId : (await store.findSubscription(id))?.domainId;
  if (domainId !== undefined && await store.sourceOfSubscription(domainId, id) === 'fusionpbx') return sendProblem(reply, ELSEWHERE);
  const deleted = domainId !== undefined && await store.deleteSubscription(domainId, id);
  return deleted ? { deleted: true } : sendProblem(reply, { status: 404, detail: 'There is no such subscription.' });
}

/** The domain that an admin named; a query may name several, and a text may be none that Postgres can hold. */
async function namedDomain(name: string | string[], store: ApiStore): Promise<string | undefined> {
  return typeof name === 'string' && !name.includes('\0') ? (await store.findDomain(name))?.id : undefined;
}

const ELSEWHERE: Problem = {
  status: 409, detail: 'This subscription is looked after in FusionPBX, in its table v_event_domain. Change it there; it follows here with the next look at that table.',
};

const NO_SUCH_DOMAIN: FieldError = { field: 'domain', message: 'There is no such domain.' };

/** Why a name may not be called, if all that it resolves to now is refused. One that does not resolve may yet do so. */
async function refusalOf(hostname: string, { policy, resolve, clock }: EventDeps): Promise<string | undefined> {
  const verdict = resolveAllowed(hostname, policy, resolve).then(
    () => undefined,
    (error: unknown) => (error instanceof AddressRefused ? error.message : undefined),
  );
  const answered = new AbortController();
  try {
    return await Promise.race([verdict, clock.sleep(RESOLVE_MS, answered.signal).then(() => undefined)]);
  } finally {
    answered.abort();
  }
}

/** The six fields of the contract, in its order. */
function toContract({ id, domainId, domainName, event, url, apiKey }: Subscription) {
  return { event_domain_uuid: id, domain_uuid: domainId, domain_name: domainName, event_name: event, callback_url: url, callback_apikey: apiKey };
}

function callerOf({ caller }: FastifyRequest): Caller {
  if (caller === null) throw new Error('A route under /v1 was reached without authentication');
  return caller;
}

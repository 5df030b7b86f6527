import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../clock.js';
import type { OpenSubscription, Secret } from '../db/sealed-subscriptions.js';
import { isUuid } from '../db/uuid.js';
import type { AddressPolicy } from '../webhook/address.js';
import { AddressRefused, resolveAllowed, type Resolve } from '../webhook/lookup.js';
import { identified } from './auth.js';
import { bodiless } from './bodiless.js';
import { isCount, pageAnswer, parsePage } from './page.js';
import { invalid, NO_SUCH_SUBSCRIPTION, sendProblem, type FieldError, type Problem } from './problem.js';
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

/** All of them, in the six fields of the contract, unless the query asks for details or for a page. */
async function list(request: FastifyRequest, reply: FastifyReply, { store }: EventDeps): Promise<unknown> {
  const { details, limit, cursor } = request.query as Record<string, unknown>;
  const paged = limit !== undefined || cursor !== undefined;
  const parsed = parsePage(request.query, [isCount, isUuid]);
  const errors = paged && parsed.kind === 'invalid' ? parsed.errors : [];
  if (!['true', 'false', undefined].includes(details as string)) errors.push({ field: 'details', message: 'Must be true or false.' });
  const domainId = await domainAsked(request, store);
  if (domainId === undefined) errors.push(NO_SUCH_DOMAIN);
  if (domainId === undefined || errors.length > 0) return invalid(reply, errors);

  const shown = details === 'true' ? toDetails : toContract;
  if (paged && parsed.kind === 'page') {
    const { page } = parsed;
    const after = page.after === undefined ? undefined : { createdMicros: Number(page.after[0]), id: page.after[1]! };
    return pageAnswer(await store.subscriptionPage(domainId, page.limit + 1, after), page, ({ createdMicros, id }) => [createdMicros, id], shown);
  }
  return { data: (await (domainId === null ? store.listAllSubscriptions() : store.listSubscriptions(domainId))).map(shown) };
}

async function create(request: FastifyRequest, reply: FastifyReply, deps: EventDeps): Promise<unknown> {
  const caller = identified(request);
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
  return { created: true, event_domain_uuid: stored.id, ...shownSecret(stored.secret), ...(deps.knownEvents.includes(event) ? {} : { warning }) };
}

async function remove(request: FastifyRequest, reply: FastifyReply, { store }: EventDeps): Promise<unknown> {
  const { id } = request.params as { id: string };
  const caller = identified(request);
  const domainId = caller.kind === 'tenant' ? caller.domainId : (await store.findSubscription(id))?.domainId;
  if (domainId !== undefined && await store.sourceOfSubscription(domainId, id) === 'fusionpbx') return sendProblem(reply, ELSEWHERE);
  const deleted = domainId !== undefined && await store.deleteSubscription(domainId, id);
  return deleted ? { deleted: true } : sendProblem(reply, NO_SUCH_SUBSCRIPTION);
}

/** Whose rows are asked for: the caller's own; for an admin those of `?domain=`, or null for all. Undefined where that is no domain. */
export async function domainAsked(request: FastifyRequest, store: Pick<ApiStore, 'findDomain'>): Promise<string | null | undefined> {
  const caller = identified(request);
  if (caller.kind === 'tenant') return caller.domainId;
  const { domain } = request.query as { domain?: string | string[] };
  return domain === undefined ? null : await namedDomain(domain, store);
}

/** The domain that an admin named; a query may name several, and a text may be none that Postgres can hold. */
export async function namedDomain(name: string | string[], store: Pick<ApiStore, 'findDomain'>): Promise<string | undefined> {
  return typeof name === 'string' && !name.includes('\0') ? (await store.findDomain(name))?.id : undefined;
}

/** Refuses to change what the next look at its source would change back. */
export const ELSEWHERE: Problem = {
  status: 409, detail: 'This subscription is looked after in FusionPBX, in its table v_event_domain. Change it there; it follows here with the next look at that table.',
};

export const NO_SUCH_DOMAIN: FieldError = { field: 'domain', message: 'There is no such domain.' };

/** Why a name may not be called, if all that it resolves to now is refused. One that does not resolve may yet do so. */
export async function refusalOf(hostname: string, { policy, resolve, clock }: Pick<EventDeps, 'policy' | 'resolve' | 'clock'>): Promise<string | undefined> {
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

/** One that cannot be opened is left out, and asking for it by itself tells why. */
function shownSecret(secret: Secret) {
  return secret.kind === 'opened' ? { secret: secret.secret } : {};
}

/** The six fields of the contract, in its order. A key that cannot be opened is null. */
function toContract({ id, domainId, domainName, event, url, apiKey }: OpenSubscription) {
  return { event_domain_uuid: id, domain_uuid: domainId, domain_name: domainName, event_name: event, callback_url: url, callback_apikey: apiKey };
}

/** The same, and all else that is known of it. */
export function toDetails(subscription: OpenSubscription) {
  const { enabled, format, ratePerSecond, disabledReason, disabledAt, createdAt, updatedAt } = subscription;
  return {
    ...toContract(subscription), enabled, format, rate_per_second: ratePerSecond,
    disabled_reason: disabledReason, disabled_at: disabledAt, created_at: createdAt, updated_at: updatedAt,
  };
}

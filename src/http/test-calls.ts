import { randomUUID } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../clock.js';
import { bodiless } from './bodiless.js';
import type { HistoryStore } from './history-store.js';
import { NO_SUCH_SUBSCRIPTION, retryAfter, sendProblem, type Problem } from './problem.js';
import { createRateLimit, type RateLimit } from './rate.js';
import { sampleCall } from './sample-call.js';
import type { ApiStore } from './store.js';
import { subscriptionIn } from './subscription.js';

export interface TestCallDeps {
  store: Pick<ApiStore, 'findSubscriptionOf'>;
  history: Pick<HistoryStore, 'addTestCall'>;
  clock: Pick<Clock, 'now' | 'monotonicMs'>;
  /** Of the times in a payload, IANA. */
  timeZone: string;
}

/** Of one tenant. */
const TESTS_PER_MINUTE = 10;

const DISABLED: Problem = { status: 409, detail: 'This subscription is disabled, and nothing is sent to it. PATCH it with {"enabled": true} first.' };
const UNDER_WAY: Problem = { status: 429, detail: 'The test call before is still being sent.', headers: retryAfter(5_000) };

/** `POST /v1/event/<id>/test`: a call that did not take place, told to one subscription. Callers have been identified by then. */
export function registerTestCalls(app: FastifyInstance, deps: TestCallDeps): void {
  const perTenant = createRateLimit(TESTS_PER_MINUTE, deps.clock);
  bodiless(app, (scope) => { scope.post('/v1/event/:id/test', (request, reply) => test(request, reply, deps, perTenant)); });
}

async function test(request: FastifyRequest, reply: FastifyReply, { store, history, clock, timeZone }: TestCallDeps, perTenant: RateLimit): Promise<unknown> {
  const subscription = await subscriptionIn(request, store);
  if (subscription === undefined) return sendProblem(reply, NO_SUCH_SUBSCRIPTION);
  if (!subscription.enabled) return sendProblem(reply, DISABLED);
  const passage = perTenant.take(subscription.domainId);
  if (passage.kind === 'limited') return sendProblem(reply, { status: 429, detail: `At most ${TESTS_PER_MINUTE} test calls a minute.`, headers: retryAfter(passage.afterMs) });

  const flowId = randomUUID();
  const deliveries = sampleCall(subscription, { flowId, legId: randomUUID() }, clock.now(), timeZone);
  if (!await history.addTestCall(subscription.id, deliveries)) return sendProblem(reply, UNDER_WAY);
  return reply.code(202).send({ call_id: flowId, flow_id: flowId, deliveries: deliveries.map(({ id }) => id) });
}

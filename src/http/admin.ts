import type { FastifyInstance } from 'fastify';
import type { Clock } from '../clock.js';
import { registerAdminDomains } from './admin-domains.js';
import type { AdminStore } from './admin-store.js';
import { registerAdminOverview, type OverviewDeps } from './admin-overview.js';
import { registerAdminReceivers, type AdminReceiverDeps } from './admin-receivers.js';
import { registerAdminTokens } from './admin-tokens.js';
import { sendProblem, type Problem } from './problem.js';
import type { ApiStore } from './store.js';

export interface AdminDeps extends AdminReceiverDeps, OverviewDeps { admin: AdminStore; store: Pick<ApiStore, 'findDomain'>; clock: Pick<Clock, 'now'> }

const FORBIDDEN: Problem = { status: 403, detail: "This needs an admin's token; yours is a tenant's." };

/** `/v1/admin`: tenants and tokens, for admins. Callers have been identified by then; tenants get no further than the hook. */
export function registerAdmin(app: FastifyInstance, deps: AdminDeps): void {
  app.register((scope, _options, done) => {
    scope.addHook('onRequest', async (request, reply) => (request.caller?.kind === 'admin' ? undefined : sendProblem(reply, FORBIDDEN)));
    registerAdminDomains(scope, deps);
    registerAdminTokens(scope, deps);
    registerAdminReceivers(scope, deps);
    registerAdminOverview(scope, deps);
    done();
  });
}

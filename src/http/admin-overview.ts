import type { FastifyInstance } from 'fastify';

/** How the daemon does, as it is sent; see the schema `Overview` of the OpenAPI document. */
export interface OverviewDeps { overview: () => Promise<object> }

/** `GET /v1/admin/overview`: how the daemon that answers does, for an admin. */
export function registerAdminOverview(app: FastifyInstance, { overview }: OverviewDeps): void {
  app.get('/v1/admin/overview', () => overview());
}

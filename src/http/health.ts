import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../metrics.js';

/** How one part is, for the operator: whether it can do its work, and what says so. */
export interface Check { ready: boolean; [detail: string]: string | number | boolean | undefined | readonly Check[] }

/** Whether the daemon can do its work, and each part's answer. */
export interface Readiness {
  ready: boolean;
  checks: { database: Check; switches: Check; backlog: Check; buffer: Check };
}

export interface HealthDeps { readiness: () => Promise<Readiness>; metrics: Metrics }

/** Where those look who watch over the daemon: `/healthz` (restart me when it fails), `/readyz` (what is missing), `/metrics`. */
export function registerHealth(app: FastifyInstance, { readiness, metrics }: HealthDeps): void {
  app.get('/healthz', () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const answer = await readiness();
    return reply.code(answer.ready ? 200 : 503).send(answer);
  });
  app.get('/metrics', async (_request, reply) => {
    await readiness(); // brings the gauges of buffer and backlog up to date
    return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
}

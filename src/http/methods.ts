import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sendProblem } from './problem.js';

/**
 * Answers what no route takes: 404, or for a path that exists 405 (OPTIONS: 204) with the methods that it takes. Learns the
 * paths from the routes registered after it. An onRequest hook, so that nobody unknown has a body read.
 */
export function answerUnrouted(app: FastifyInstance): void {
  const allowed = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }) => {
    const methods = allowed.get(url) ?? new Set();
    for (const name of [method].flat()) methods.add(name);
    allowed.set(url, methods);
  });

  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const path = request.url.split(/[?;]/, 1)[0] ?? '';
    const methods = [...allowed].find(([pattern]) => matches(pattern, path))?.[1];
    if (methods === undefined) return sendProblem(reply, { status: 404, detail: 'There is nothing at this path.' });
    const allow = [...methods].sort().join(', ');
    if (request.method === 'OPTIONS') return reply.code(204).header('allow', allow).send();
    return sendProblem(reply, { status: 405, detail: `This path takes ${allow}.`, headers: { allow } });
  }

  app.addHook('onRequest', async (request, reply) => (request.is404 ? answer(request, reply) : undefined));
  app.setNotFoundHandler(answer);
}

function matches(pattern: string, path: string): boolean {
  const ours = pattern.split('/');
  const theirs = path.replace(/(?<=.)\/$/, '').split('/');
  return ours.length === theirs.length && ours.every((part, index) => part.startsWith(':') || part === theirs[index]);
}

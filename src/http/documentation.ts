import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { openApiDocument } from './openapi/document.js';
import { documentPage, STYLE } from './openapi/page.js';

export interface DocumentationDeps {
  /** Of this daemon. */
  version: string;
  /** Where it serves recordings. */
  recordings?: unknown;
}

/** The page runs nothing, and shows nothing from elsewhere. */
const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** What the API is: `/openapi.json` for machines, `/docs` for people. Anyone may know. */
export function registerDocumentation(app: FastifyInstance, { version, recordings }: DocumentationDeps): void {
  const document = openApiDocument({ version, recordings: recordings !== undefined });
  const page = documentPage(document);
  app.get('/openapi.json', () => document);
  app.get('/docs', (_request, reply) => reply.type('text/html; charset=utf-8').header('content-security-policy', POLICY).send(page));
}

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { StoredToken } from '../db/tokens.js';
import { isUuid } from '../db/uuid.js';
import type { AdminDeps } from './admin.js';
import { bodiless } from './bodiless.js';
import { readFields } from './fields.js';
import { isCount, pageAnswer, parsePage, type Page } from './page.js';
import { invalid, sendProblem, type FieldError } from './problem.js';
import { hashToken, newToken } from './token.js';

const PATH = '/v1/admin/token';
const MAX_LABEL_LENGTH = 200;
const MAX_DOMAIN_LENGTH = 253;

const NO_SUCH_DOMAIN: FieldError = { field: 'domain', message: 'There is no such domain.' };

/** The tokens of this API, for an admin. What a token is, is said once, when it is made. */
export function registerAdminTokens(app: FastifyInstance, deps: AdminDeps): void {
  app.get(PATH, (request, reply) => list(request, reply, deps));
  app.post(PATH, (request, reply) => create(request, reply, deps));
  bodiless(app, (scope) => { scope.delete(`${PATH}/:id`, (request, reply) => revoke(request, reply, deps)); });
}

async function list(request: FastifyRequest, reply: FastifyReply, { admin, store }: AdminDeps): Promise<unknown> {
  const parsed = parsePage(request.query, [isCount, isUuid]);
  if (parsed.kind === 'invalid') return invalid(reply, parsed.errors);
  const { domain: name } = request.query as { domain?: unknown };
  const domain = typeof name === 'string' && !name.includes('\0') ? await store.findDomain(name) : undefined;
  if (name !== undefined && domain === undefined) return invalid(reply, [NO_SUCH_DOMAIN]);
  const { page } = parsed;
  const rows = await admin.listTokens(page.limit + 1, { ...(domain && { domainId: domain.id }), ...afterOf(page) });
  return pageAnswer(rows, page, ({ createdMicros, id }) => [createdMicros, id], toJson);
}

async function create(request: FastifyRequest, reply: FastifyReply, { admin, store, clock }: AdminDeps): Promise<unknown> {
  const fields = readFields(request.body);
  const isAdmin = fields.has('is_admin') && fields.flag('is_admin');
  const label = fields.optionalText('label', MAX_LABEL_LENGTH);
  const name = fields.has('domain') ? fields.text('domain', MAX_DOMAIN_LENGTH) : undefined;
  const expiresAt = fields.has('expires_at') ? fields.future('expires_at', clock.now()) : undefined;
  if (fields.errors.length === 0 && isAdmin === (name !== undefined)) fields.refuse('domain', 'Say whose token it is: a domain, or is_admin: true for all of them.');
  if (fields.errors.length > 0) return invalid(reply, fields.errors);

  const domain = name === undefined ? null : await store.findDomain(name);
  if (domain === undefined) return invalid(reply, [NO_SUCH_DOMAIN]);
  const token = newToken();
  const stored = await admin.addToken({ sha256: hashToken(token), label, domainId: domain?.id ?? null, expiresAt: expiresAt ?? null });
  return stored === undefined ? invalid(reply, [NO_SUCH_DOMAIN]) : reply.code(201).send({ token, ...toJson(stored) });
}

async function revoke(request: FastifyRequest, reply: FastifyReply, { admin }: AdminDeps): Promise<unknown> {
  const { id } = request.params as { id: string };
  return await admin.revokeToken(id) ? { revoked: true } : sendProblem(reply, { status: 404, detail: 'There is no such token.' });
}

function afterOf({ after }: Page): { after?: { createdMicros: number; id: string } } {
  return after === undefined ? {} : { after: { createdMicros: Number(after[0]), id: after[1]! } };
}

function toJson({ id, label, isAdmin, domainId, domainName, createdAt, expiresAt, lastUsedAt, revokedAt }: StoredToken) {
  return {
    token_uuid: id, label, is_admin: isAdmin, domain_uuid: domainId, domain_name: domainName,
    created_at: createdAt, expires_at: expiresAt, last_used_at: lastUsedAt, revoked_at: revokedAt,
  };
}

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { looksLikeDomain, type StoredDomain } from '../db/tenants.js';
import type { AdminDeps } from './admin.js';
import { bodiless } from './bodiless.js';
import { readFields, type FieldReader } from './fields.js';
import { pageAnswer, parsePage } from './page.js';
import { invalid, sendProblem, type Problem } from './problem.js';

const PATH = '/v1/admin/domain';
const MAX_NAME_LENGTH = 253;

const NOT_FOUND: Problem = { status: 404, detail: 'There is no such domain.' };
const TAKEN: Problem = { status: 409, detail: 'There is a domain of this name already.', errors: [{ field: 'domain_name', message: 'Is taken.' }] };
const ELSEWHERE: Problem = { status: 409, detail: 'This domain is looked after in FusionPBX. Change it there; it follows here with the next look at its database.' };

/** The tenants, for an admin. */
export function registerAdminDomains(app: FastifyInstance, deps: AdminDeps): void {
  app.get(PATH, (request, reply) => list(request, reply, deps));
  app.post(PATH, (request, reply) => create(request, reply, deps));
  app.get(`${PATH}/:id`, (request, reply) => show(request, reply, deps));
  app.patch(`${PATH}/:id`, (request, reply) => change(request, reply, deps));
  bodiless(app, (scope) => { scope.delete(`${PATH}/:id`, (request, reply) => remove(request, reply, deps)); });
}

async function list(request: FastifyRequest, reply: FastifyReply, { admin }: AdminDeps): Promise<unknown> {
  const parsed = parsePage(request.query, [(name) => name.length <= MAX_NAME_LENGTH && !name.includes('\0')]);
  if (parsed.kind === 'invalid') return invalid(reply, parsed.errors);
  const { page } = parsed;
  return pageAnswer(await admin.listDomains(page.limit + 1, page.after?.[0]), page, ({ name }) => [name], toJson);
}

async function create(request: FastifyRequest, reply: FastifyReply, { admin }: AdminDeps): Promise<unknown> {
  const fields = readFields(request.body);
  const name = nameIn(fields);
  const enabled = fields.has('enabled') ? fields.flag('enabled') : true;
  if (fields.errors.length > 0) return invalid(reply, fields.errors);
  const { domain, created } = await admin.addDomain(name, enabled);
  return created ? reply.code(201).send(toJson(domain)) : sendProblem(reply, TAKEN);
}

async function show(request: FastifyRequest, reply: FastifyReply, { admin }: AdminDeps): Promise<unknown> {
  const domain = await admin.findDomainById(idIn(request));
  return domain === undefined ? sendProblem(reply, NOT_FOUND) : toJson(domain);
}

async function change(request: FastifyRequest, reply: FastifyReply, { admin }: AdminDeps): Promise<unknown> {
  const fields = readFields(request.body);
  const wanted = {
    ...(fields.has('domain_name') && { name: nameIn(fields) }),
    ...(fields.has('enabled') && { enabled: fields.flag('enabled') }),
  };
  if (fields.errors.length === 0 && Object.keys(wanted).length === 0) fields.refuse('', 'Say what to change: domain_name, enabled or both.');
  if (fields.errors.length > 0) return invalid(reply, fields.errors);
  const refusal = await refusalOf(idIn(request), { admin });
  if (refusal !== undefined) return sendProblem(reply, refusal);
  const changed = await admin.changeDomain(idIn(request), wanted);
  if (changed === 'absent') return sendProblem(reply, NOT_FOUND);
  return changed === 'taken' ? sendProblem(reply, TAKEN) : toJson(changed);
}

async function remove(request: FastifyRequest, reply: FastifyReply, { admin }: AdminDeps): Promise<unknown> {
  const refusal = await refusalOf(idIn(request), { admin });
  if (refusal !== undefined) return sendProblem(reply, refusal);
  const gone = await admin.deleteDomain(idIn(request));
  if (gone === undefined) return sendProblem(reply, NOT_FOUND);
  const { name, subscriptions, tokens, waiting } = gone;
  return { deleted: true, domain_name: name, subscriptions, tokens, waiting };
}

/** The two statements that follow take only rows that are looked after here, so a domain that changes hands in between is safe. */
async function refusalOf(id: string, { admin }: Pick<AdminDeps, 'admin'>): Promise<Problem | undefined> {
  const domain = await admin.findDomainById(id);
  if (domain === undefined) return NOT_FOUND;
  return domain.source === 'local' ? undefined : ELSEWHERE;
}

function nameIn(fields: FieldReader): string {
  const name = fields.text('domain_name', MAX_NAME_LENGTH).toLowerCase();
  if (name !== '' && !looksLikeDomain(name)) fields.refuse('domain_name', 'Must look like acme.example or 192.0.2.7.');
  return name;
}

function idIn(request: FastifyRequest): string {
  return (request.params as { id: string }).id;
}

function toJson({ id, name, enabled, source, createdAt, updatedAt }: StoredDomain) {
  return { domain_uuid: id, domain_name: name, enabled, source, created_at: createdAt, updated_at: updatedAt };
}

import { STATUS_CODES } from 'node:http';
import type { FastifyReply } from 'fastify';

/** What is wrong with one field of a request. */
export interface FieldError { field: string; message: string }

/** Why a request was not done, for the one who sent it (RFC 9457). Nothing of ours goes into it: no stack, no SQL, no token. */
export interface Problem { status: number; detail: string; errors?: FieldError[]; headers?: Record<string, string>; /** Of this problem alone (RFC 9457, 3.2). */ members?: Record<string, string> }

/** The media type of every answer of 400 or more. */
export const PROBLEM_TYPE = 'application/problem+json';

/** The body of a problem. `type` is always `about:blank`: the status says which kind it is, `detail` and `errors` what to mend. */
export function problemBody({ status, detail, errors, members }: Problem): string {
  return JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail, errors, ...members });
}

/** Answers with a problem. As bytes: to a text the framework would add a charset, which this media type does not have. */
export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply.code(problem.status).headers({ ...problem.headers, 'content-type': PROBLEM_TYPE }).send(Buffer.from(problemBody(problem)));
}

/** Answers that fields of the request are wrong, all of them at once. */
export function invalid(reply: FastifyReply, errors: FieldError[]): FastifyReply {
  return sendProblem(reply, { status: 400, detail: errors.map(({ field, message }) => `${field} ${message}`.trim()).join(' '), errors });
}

/** The seconds of a `Retry-After` header; never 0, which would invite the very next request. */
export function retryAfter(ms: number): Record<string, string> {
  return { 'retry-after': String(Math.max(1, Math.ceil(ms / 1_000))) };
}

/** Also of somebody else's: whether there is one is nobody's business. */
export const NO_SUCH_SUBSCRIPTION: Problem = { status: 404, detail: 'There is no such subscription.' };

import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Metrics } from '../metrics.js';
import type { OpenFile } from '../recordings/file.js';
import { rangeOf } from '../recordings/range.js';
import type { Recordings } from '../recordings/recordings.js';
import { sendProblem } from './problem.js';

/** By the ending of the file; what is none of these is not for a player. */
const TYPES: Readonly<Record<string, string>> = {
  wav: 'audio/wav', mp3: 'audio/mpeg', ogg: 'audio/ogg', opus: 'audio/ogg; codecs=opus', m4a: 'audio/mp4', flac: 'audio/flac',
};

/** A browser that is led here plays the recording on a page of its own making, which needs these two. */
const POLICY = `default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'`;

/** A timeout of the handler would cut the stream; a client that stops reading is cut by that of the connection. */
const LONGEST_DOWNLOAD_MS = 86_400_000;

/**
 * `/v1/recording/<token>`: a recording, whole or in part, for whoever has the link. A link that is no link is answered as one
 * whose file is gone.
 */
export function registerRecordings(app: FastifyInstance, recordings: Pick<Recordings, 'open'>, metrics: Pick<Metrics, 'recordings'>): void {
  // The HEAD that comes with a GET by itself would say a length of 0.
  app.route({ method: ['GET', 'HEAD'], url: '/v1/recording/:token', handlerTimeout: LONGEST_DOWNLOAD_MS, handler });

  async function handler(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const { token } = request.params as { token: string };
    const opened = await recordings.open(token);
    if (opened.kind !== 'file') metrics.recordings.inc({ outcome: opened.kind });
    if (opened.kind === 'expired') return sendProblem(reply, { status: 410, detail: 'This link has expired.' });
    if (opened.kind === 'missing') return sendProblem(reply, { status: 404, detail: 'There is no such recording.' });
    const how = answerTo(request.method, request.headers, opened.file);
    metrics.recordings.inc({ outcome: outcomeOf(how) });
    if (how.kind === 'bytes' && request.method !== 'HEAD') return stream(opened.file, how, reply);
    await opened.file.handle.close();
    if (how.kind === 'unsatisfiable') return sendProblem(reply, { status: 416, detail: 'The recording has no such bytes.', headers: how.headers });
    return reply.code(how.status).headers(how.headers).send(how.kind === 'unchanged' ? undefined : Buffer.alloc(0));
  }
}

/** What to say of an open file before any byte of it is sent. */
type Answer =
  | { kind: 'unchanged' | 'empty' | 'unsatisfiable'; status: number; headers: Record<string, string> }
  | { kind: 'bytes'; status: number; headers: Record<string, string>; from: number; to: number };

/** What is counted: whether the client got all of it, a part, or had it already. */
function outcomeOf({ kind, status }: Answer): string {
  if (kind === 'unchanged' || kind === 'unsatisfiable') return kind;
  return status === 206 ? 'part' : 'whole';
}

/** Conditions first (RFC 9110, 13.2.2), then the range. */
function answerTo(method: string, asked: IncomingHttpHeaders, { name, size, modifiedMs }: OpenFile): Answer {
  const tag = `"${size.toString(36)}-${modifiedMs.toString(36)}"`;
  const modified = new Date(modifiedMs).toUTCString();
  const headers = { 'accept-ranges': 'bytes', 'cache-control': 'private', 'content-security-policy': POLICY, etag: tag, 'last-modified': modified };
  if (isUnchanged(asked, tag, modifiedMs)) return { kind: 'unchanged', status: 304, headers };
  const ranged = method === 'GET' && [undefined, tag, modified].includes(asked['if-range'] as string | undefined);
  const wanted = rangeOf(ranged ? asked.range : undefined, size);
  if (wanted.kind === 'unsatisfiable') return { kind: 'unsatisfiable', status: 416, headers: { ...headers, 'content-range': `bytes */${size}` } };
  const { from, to } = wanted.kind === 'part' ? wanted : { from: 0, to: size - 1 };
  const told = { ...headers, 'content-type': typeOf(name), 'content-disposition': dispositionOf(name), 'content-length': String(to - from + 1) };
  if (size === 0) return { kind: 'empty', status: 200, headers: told };
  if (wanted.kind === 'all') return { kind: 'bytes', status: 200, headers: told, from, to };
  return { kind: 'bytes', status: 206, headers: { ...told, 'content-range': `bytes ${from}-${to}/${size}` }, from, to };
}

function isUnchanged({ 'if-none-match': tags, 'if-modified-since': since }: IncomingHttpHeaders, tag: string, modifiedMs: number): boolean {
  if (tags !== undefined) return tags.trim() === '*' || tags.split(',').some((one) => one.trim().replace(/^W\//, '') === tag);
  return since !== undefined && Math.floor(modifiedMs / 1_000) * 1_000 <= Date.parse(since);
}

/** Never more than a buffer of it in memory. A file that has become shorter meanwhile ends the connection, for its length has been said. */
function stream({ handle }: OpenFile, { status, headers, from, to }: Extract<Answer, { kind: 'bytes' }>, reply: FastifyReply): FastifyReply {
  const bytes = handle.createReadStream({ start: from, end: to }); // closes the handle, however it ends
  bytes.once('end', () => { if (bytes.bytesRead < to - from + 1) reply.raw.destroy(); });
  return reply.code(status).headers(headers).send(bytes);
}

function typeOf(name: string): string {
  const ending = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  return Object.hasOwn(TYPES, ending) ? TYPES[ending]! : 'application/octet-stream';
}

/** The name for who saves it (RFC 6266): plain for old clients, and in full (RFC 8187). */
function dispositionOf(name: string): string {
  const plain = name.replace(/[^\w .()+-]/g, '_');
  const full = encodeURIComponent(name).replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  return `inline; filename="${plain}"${plain === name ? '' : `; filename*=UTF-8''${full}`}`;
}

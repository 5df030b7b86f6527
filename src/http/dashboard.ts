import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sendProblem } from './problem.js';

/** A file as it is sent, also compressed. */
interface Served { readonly type: string; readonly plain: Buffer; readonly br: Buffer; readonly gzip: Buffer }

/** The page, and the files that it is made of. */
export interface Dashboard {
  readonly page: Served;
  /** Of all the files together: it stands in their paths, so that what a browser keeps never has to be asked for again. */
  readonly version: string;
  readonly files: ReadonlyMap<string, Served>;
}

const TYPES: Readonly<Record<string, string>> = { '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml' };

const POLICY = [
  `default-src 'none'`, `script-src 'self'`, `style-src 'self'`, `connect-src 'self'`, `img-src 'self' data:`, `base-uri 'none'`, `form-action 'none'`, `frame-ancestors 'none'`,
].join('; ');

/**
 * Reads the built page and its files from a folder, once. In `index.html` `{base}` becomes the folder that they are served under, and
 * `{modules}` the list of its scripts, so that a browser fetches all at once and not one import after the other.
 * @throws where the folder is not there: the build has not run.
 */
export function readDashboard(folder: URL): Dashboard {
  const names = readdirSync(folder).filter((name) => extname(name) in TYPES).sort();
  const hash = createHash('sha256');
  const files = new Map<string, Served>();
  for (const name of names) {
    const body = readFileSync(new URL(name, folder));
    hash.update(`${name}\0${body.length}\0`).update(body);
    files.set(name, served(TYPES[extname(name)]!, body));
  }
  const version = hash.digest('hex').slice(0, 16);
  const base = `/dashboard/${version}`;
  const modules = names.filter((name) => name.endsWith('.js')).map((name) => `<link rel="modulepreload" href="${base}/${name}">`).join('\n');
  const html = readFileSync(new URL('index.html', folder), 'utf8').replaceAll('{base}', base).replace('{modules}', modules);
  return { page: served('text/html; charset=utf-8', Buffer.from(html)), version, files };
}

/** `/`, and what it needs below `/dashboard`. Anyone may have it; what it shows it asks the API for, with the viewer's token. */
export function registerDashboard(app: FastifyInstance, { page, version, files }: Dashboard): void {
  app.get('/', (request, reply) => send(request, reply.headers({ 'content-security-policy': POLICY, 'cache-control': 'no-cache' }), page));
  app.get('/dashboard/:version/:file', (request, reply) => {
    const { version: wanted, file } = request.params as { version: string; file: string };
    const found = wanted === version ? files.get(file) : undefined;
    if (found === undefined) return sendProblem(reply, { status: 404, detail: 'There is nothing at this path.' });
    return send(request, reply.header('cache-control', 'public, max-age=31536000, immutable'), found);
  });
}

function served(type: string, plain: Buffer): Served {
  return { type, plain, br: brotliCompressSync(plain), gzip: gzipSync(plain) };
}

function send(request: FastifyRequest, reply: FastifyReply, file: Served): FastifyReply {
  const accepted = String(request.headers['accept-encoding'] ?? '').split(',').map((word) => word.split(';', 1)[0]!.trim());
  const encoding = (['br', 'gzip'] as const).find((name) => accepted.includes(name));
  const body = file[encoding ?? 'plain'];
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  reply.headers({ 'content-type': file.type, vary: 'accept-encoding', etag });
  if (request.headers['if-none-match'] === etag) return reply.code(304).send();
  return reply.headers(encoding === undefined ? {} : { 'content-encoding': encoding }).send(body);
}

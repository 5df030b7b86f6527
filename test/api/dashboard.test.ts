import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';
import fastify, { type FastifyInstance } from 'fastify';
import { readDashboard, registerDashboard } from '../../src/http/dashboard.js';

const SCRIPT = `export const text = ${JSON.stringify('a'.repeat(2_000))};`;

let folder: string;
let app: FastifyInstance;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hookswitch-page-'));
  await writeFile(join(folder, 'index.html'), '<head>{modules}<script type="module" src="{base}/main.js"></script></head>');
  await writeFile(join(folder, 'main.js'), SCRIPT);
  await writeFile(join(folder, 'style.css'), 'body {}');
  await writeFile(join(folder, '.env'), 'SECRET=1');
  app = await served();
});
afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true });
});

async function served(): Promise<FastifyInstance> {
  const server = fastify();
  registerDashboard(server, readDashboard(pathToFileURL(`${folder}/`)));
  await server.ready();
  return server;
}

const scriptIn = (html: string) => /src="([^"]+)"/.exec(html)![1]!;

it('the page may run and show nothing but its own, and stands in no frame', async () => {
  const { headers, body } = await app.inject('/');
  expect(headers['content-type']).toBe('text/html; charset=utf-8');
  expect(headers['content-security-policy']).toBe("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  expect(body).toContain(`<link rel="modulepreload" href="${scriptIn(body)}">`);
  expect(body).not.toMatch(/\{modules\}|\{base\}/);
});

it('the page is asked for each time, and sent only where it has changed', async () => {
  const { headers } = await app.inject('/');
  expect(headers['cache-control']).toBe('no-cache');
  const again = await app.inject({ url: '/', headers: { 'if-none-match': headers.etag! } });
  expect([again.statusCode, again.body]).toEqual([304, '']);
});

it('its files may be kept for ever, for their path changes with them', async () => {
  const path = scriptIn((await app.inject('/')).body);
  const { headers, body } = await app.inject(path);
  expect([headers['cache-control'], headers['content-type'], body]).toEqual(['public, max-age=31536000, immutable', 'text/javascript; charset=utf-8', SCRIPT]);
  await writeFile(join(folder, 'style.css'), 'body { margin: 0 }');
  const later = await served();
  const changed = scriptIn((await later.inject('/')).body);
  expect(changed).not.toBe(path);
  expect((await later.inject(path)).statusCode).toBe(404);
  await later.close();
});

it('is sent compressed to a browser that takes that', async () => {
  const path = scriptIn((await app.inject('/')).body);
  const { headers, rawPayload } = await app.inject({ url: path, headers: { 'accept-encoding': 'gzip, deflate, br' } });
  expect([headers['content-encoding'], headers['vary'], brotliDecompressSync(rawPayload).toString()]).toEqual(['br', 'accept-encoding', SCRIPT]);
  expect(rawPayload.length).toBeLessThan(200);
});

it.each(['.env', 'index.html', 'none.js', '..%2f.env', '%2e%2e/.env'])('nothing besides is served: %s', async (name) => {
  const folderOf = scriptIn((await app.inject('/')).body).replace('main.js', '');
  expect((await app.inject(folderOf + name)).statusCode).toBe(404);
});

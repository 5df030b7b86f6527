import { createHash } from 'node:crypto';
import { Validator } from '@seriousme/openapi-schema-validator';
import { openApiDocument, type Document } from '../../src/http/openapi/document.js';
import { serveRecording } from './served-recording.js';
import { startApi, type Api } from './support.js';

let api: Api;
let served: Awaited<ReturnType<typeof serveRecording>>;
beforeAll(async () => {
  served = await serveRecording();
  api = await startApi({ recordings: served.recordings });
});
afterAll(async () => {
  await api.stop();
  await served.remove();
});

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const document = openApiDocument({ version: '0.0.0', recordings: true });

const operations = ({ paths }: Document) => Object.entries(paths).flatMap(([path, item]) => METHODS.filter((method) => method in item).map((method) => `${method.toUpperCase()} ${path}`));

it('is valid OpenAPI 3.1', async () => {
  const validator = new Validator();
  expect(await validator.validate(structuredClone(document) as unknown as Record<string, unknown>)).toEqual({ valid: true });
  expect(validator.version).toBe('3.1');
});

it('describes each route, and nothing else', () => {
  const routes = api.server.routes().filter(({ method }) => method !== 'HEAD').map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
  expect(operations(document).sort()).toEqual([...new Set(routes)].sort());
});

it('leaves out recordings where the daemon serves none', () => {
  expect(operations(document).filter((operation) => !operations(openApiDocument({ version: '0.0.0', recordings: false })).includes(operation))).toEqual(['GET /v1/recording/{token}']);
});

it('has a name of its own for each operation, and uses each schema', () => {
  const names = Object.values(document.paths).flatMap((item) => METHODS.flatMap((method) => (item[method] === undefined ? [] : [(item[method] as { operationId: string }).operationId])));
  expect(new Set(names).size).toBe(names.length);
  const text = JSON.stringify(document);
  expect(Object.keys(document.components.schemas).filter((name) => !text.includes(`"#/components/schemas/${name}"`))).toEqual([]);
});

it('is served to anyone', async () => {
  const answer = await api.ask('GET', '/openapi.json');
  expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/json; charset=utf-8']);
  expect(answer.json).toEqual(JSON.parse(JSON.stringify(document)));
});

describe('the page', () => {
  let page: Awaited<ReturnType<Api['ask']>>;
  beforeAll(async () => { page = await api.ask('GET', '/docs'); });

  it('shows each operation and each schema', () => {
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    for (const operation of operations(document)) expect(page.text).toContain(`<h3><code>${operation}</code></h3>`);
    for (const name of Object.keys(document.components.schemas)) expect(page.text).toContain(`id="schema-${name}"`);
  });

  it('has links only to what is on it, or of ours', () => {
    const ids = new Set([...page.text.matchAll(/id="([^"]+)"/g)].map((match) => match[1]));
    const links = [...page.text.matchAll(/(?:href|src)="([^"]+)"/g)].map((match) => match[1]!);
    expect(links.filter((link) => link !== '/openapi.json' && !(link.startsWith('#') && ids.has(link.slice(1))))).toEqual([]);
    expect(links.length).toBeGreaterThan(20);
  });

  it('needs no more than its policy allows', () => {
    const styles = [...page.text.matchAll(/<style>(.*?)<\/style>/gs)].map((match) => match[1]!);
    expect(styles).toHaveLength(1);
    expect(page.headers['content-security-policy']).toContain(`style-src 'sha256-${createHash('sha256').update(styles[0]!).digest('base64')}'`);
    expect(page.headers['content-security-policy']).toMatch(/^default-src 'none';/);
    expect(page.text).not.toMatch(/<script|style="|\son\w+="|undefined|\[object/);
  });
});

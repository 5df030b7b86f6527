import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormatsModule from 'ajv-formats';
import fc from 'fast-check';
import { openApiDocument } from '../../src/http/openapi/document.js';
import { addReplay } from '../../src/db/replays.js';
import { tell, tried } from './history.js';
import { operationsOf, validRequests, wildRequests, type Operation, type Request } from './requests.js';
import { serveRecording } from './served-recording.js';
import { JSON_TYPE, startApi, type Answer, type Api } from './support.js';

const document = openApiDocument({ version: '0.0.0', recordings: true });
/** All but the stream, which has no end of its own. */
const operations = operationsOf(document).filter(({ path }) => path !== '/v1/stream');
/** The same requests in each run, so that what fails once fails again. */
const RUNS = { numRuns: 12, seed: 20_261_122, endOnFailure: true };

let api: Api;
let tokens: { tenant: string; admin: string };
let domainId: string;
let served: Awaited<ReturnType<typeof serveRecording>>;

beforeAll(async () => {
  served = await serveRecording();
  api = await startApi({ recordings: served.recordings, requestsPerMinute: 1_000_000, failuresPerMinute: 1_000_000 });
  const { token, domainId: id } = await api.addTenant('conform.example');
  tokens = { tenant: token, admin: (await api.addToken(null)).token };
  domainId = id;
});

let counter = 0;

/** Names of what is there, made anew for each operation: some of them end it. */
async function samplesFor({ path }: Operation): Promise<Record<string, string[]>> {
  const { pool } = api.database;
  const name = `conform${++counter}.example`;
  const [other, token] = [await api.addTenant(name), await api.addToken(null)];
  const subscriptions = await Promise.all([1, 2].map(async (n) => (
    (await api.post(tokens.tenant, { event: 'cdr', callback_url: `https://example.com/${counter}/${n}` })).json as { event_domain_uuid: string }).event_domain_uuid));
  const deliveries = await Promise.all(['pending', 'leased', 'held', 'delivered', 'abandoned', 'expired'].map((state) => (
    tell(pool, { domainId, subscriptionId: subscriptions[0]!, state, callId: `call ${state}`, ...(state === 'expired' && { synthetic: 'lost' }), attempts: 2 }))));
  for (const id of deliveries) await tried(pool, id, ['retry', 'delivered']);
  await pool.query('delete from replay');
  const { id: replayId } = await addReplay(pool, { domainId, subscriptionId: null, callId: 'call held', number: null, from: null, to: null, states: ['held'] });
  if (path === '/v1/replay') await pool.query('delete from replay');
  const ids: Record<string, string[]> = { event: subscriptions, delivery: deliveries, call: ['call delivered', 'call held'], replay: [replayId], domain: [other.domainId], token: [token.tokenId] };
  return {
    id: ids[/^\/v1\/(?:admin\/)?(\w+)/.exec(path)?.[1] ?? ''] ?? [], subscription: subscriptions, domain: ['conform.example', name], domain_name: [`fresh${counter}.example`, `new${counter}.example`],
    callback_url: [`https://example.com/${counter}/3`, `https://example.com/${counter}/4`], event: ['ringing', 'cdr'], expires_at: ['2100-01-01T00:00:00Z'], call_id: ['call held'], number: ['+12025550143'], token: [served.token],
    from: ['2026-01-01T00:00:00Z'], to: ['2100-01-01T00:00:00Z'],
  };
}
afterAll(async () => {
  await api.stop();
  await served.remove();
});

/** The document's schemas with no field besides those that it names: the document leaves room for more, but we know what there is. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const parts = Object.fromEntries(Object.entries(schema).map(([name, part]) => [name, closed(part)]));
  return 'properties' in parts && !('additionalProperties' in parts) && parts['type'] === 'object' ? { ...parts, additionalProperties: false } : parts;
}

const ajv = new Ajv2020({ strict: false, allErrors: true });
(addFormatsModule as unknown as (to: Ajv2020) => void)(ajv);
ajv.addSchema({ $id: 'api', components: closed(document.components) });
const checks = new Map<string, ReturnType<Ajv2020['compile']>>();

function check({ method, path }: Operation, status: number, schema: unknown): ReturnType<Ajv2020['compile']> {
  const key = `${method} ${path} ${status}`;
  const known = checks.get(key) ?? ajv.compile(JSON.parse(JSON.stringify(closed(schema)).replaceAll('"#/components', '"api#/components')) as object);
  checks.set(key, known);
  return known;
}

function expectDeclared(operation: Operation, request: Request, { status, headers, json, text }: Answer): void {
  const about = `${operation.method} ${request.path} ${request.body ?? ''} -> ${status} ${text.slice(0, 500)}`;
  expect([about, status < 500 ? undefined : api.lines.findLast(({ message }) => message === 'request failed')]).toEqual([about, undefined]);
  const declared = operation.responses[String(status)] as { content?: Record<string, { schema: unknown }> } | undefined;
  expect([about, declared !== undefined]).toEqual([about, true]);
  const type = headers['content-type']?.split(';')[0] ?? '';
  const types = Object.keys(declared!.content ?? {});
  expect([about, types.includes('*/*') ? [] : types]).toEqual([about, types.includes('*/*') ? [] : [type]]);
  if (!types.includes(type) || !type.includes('json')) return;
  const valid = check(operation, status, declared!.content![type]!.schema);
  expect([about, valid(json) ? [] : valid.errors]).toEqual([about, []]);
}

const send = (operation: Operation, { path, body }: Request, token: string, headers: Record<string, string> = JSON_TYPE) =>
  api.ask(operation.method, path, { token, ...(body !== undefined && { headers, body }) });

describe.each(operations.map((operation) => [`${operation.method} ${operation.path}`, operation] as const))('%s', (_name, operation) => {
  let samples: Record<string, string[]>;
  beforeAll(async () => { samples = await samplesFor(operation); });

  it.each(['tenant', 'admin'] as const)('answers a %s’s requests as described', async (who) => {
    await fc.assert(fc.asyncProperty(validRequests(operation, samples), async (request) => {
      expectDeclared(operation, request, await send(operation, request, tokens[who]));
    }), RUNS);
  });

  it('answers any request as described', async () => {
    await fc.assert(fc.asyncProperty(wildRequests(operation), fc.constantFrom('tenant' as const, 'admin' as const), async (request, who) => {
      expectDeclared(operation, request, await send(operation, request, tokens[who]));
    }), RUNS);
  });
});

it('the requests reach what is there: each operation has succeeded', async () => {
  const { text } = await api.ask('GET', '/metrics');
  const succeeded = new Set([...text.matchAll(/http_requests_total\{method="(\w+)",route="([^"]+)",status="2\d\d"\}/g)].map(([, method, route]) => `${method} ${route!.replace(/:(\w+)/g, '{$1}')}`));
  expect(operations.map(({ method, path }) => `${method} ${path}`).filter((operation) => !succeeded.has(operation))).toEqual([]);
});

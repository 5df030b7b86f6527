import { randomUUID } from 'node:crypto';
import { addReplay } from '../../src/db/replays.js';
import { revokeToken } from '../../src/db/tokens.js';
import { tell, tried } from './history.js';
import { JSON_TYPE, startApi, type Answer, type Api } from './support.js';

/**
 * What a tenant may get who tries a route on everything that is another's: one status for all of it. `open` says that the route
 * is nobody's and asks for no token; `query` and `body` stand where the usual ones would be refused for what else they say. A route
 * without an entry fails the test, so a new one needs a line here.
 */
const ROUTES: Record<string, { status: number; open?: true; query?: (victim: Tenant) => string; body?: (victim: Tenant) => object }> = {
  'GET /healthz': { status: 200, open: true },
  'GET /readyz': { status: 200, open: true },
  'GET /metrics': { status: 200, open: true },
  'GET /openapi.json': { status: 200, open: true },
  'GET /docs': { status: 200, open: true },
  'GET /v1/event': { status: 200 }, // its own, whatever domain it names
  'POST /v1/event': { status: 200 }, // for itself, whatever domain it names
  'DELETE /v1/event/:id': { status: 404 },
  'GET /v1/event/:id': { status: 404 },
  'PATCH /v1/event/:id': { status: 404, body: () => ({ enabled: false, callback_apikey: 'taken over' }) },
  'GET /v1/event/:id/secret': { status: 404 },
  'POST /v1/event/:id/secret': { status: 404 },
  'POST /v1/event/:id/test': { status: 404 },
  'GET /v1/delivery': { status: 200, query: ({ name, ids, callId }) => `?domain=${name}&subscription=${ids[0]}&call_id=${callId}` },
  'GET /v1/delivery/:id': { status: 404 },
  'POST /v1/delivery/:id/retry': { status: 404 },
  'GET /v1/call/:id': { status: 404 },
  'GET /v1/stream': { status: 400, query: () => '?kind=event' }, // what a switch says is of all tenants
  'POST /v1/replay': { status: 400, body: ({ ids }) => ({ subscription: ids[0] }) }, // it names no subscription of its own
  'GET /v1/replay/:id': { status: 404 },
  'GET /v1/admin/receiver': { status: 403 },
  'GET /v1/admin/overview': { status: 403 },
  'GET /v1/admin/domain': { status: 403 },
  'POST /v1/admin/domain': { status: 403 },
  'GET /v1/admin/domain/:id': { status: 403 },
  'PATCH /v1/admin/domain/:id': { status: 403 },
  'DELETE /v1/admin/domain/:id': { status: 403 },
  'GET /v1/admin/token': { status: 403 },
  'POST /v1/admin/token': { status: 403 },
  'DELETE /v1/admin/token/:id': { status: 403 },
};

interface Tenant { name: string; domainId: string; token: string; tokenId: string; callId: string; /** All by which it can be named. */ ids: string[]; /** What nobody else may read. */ secrets: string[] }

const WISH = { event: 'ringing', callback_url: 'https://example.com/same' };

let api: Api;
let tenants: [Tenant, Tenant];
beforeAll(async () => {
  api = await startApi({ requestsPerMinute: 100_000, failuresPerMinute: 100_000 });
  tenants = [await addTenant('one.example'), await addTenant('two.example')];
});
afterAll(() => api.stop());

/** A tenant with one of everything. */
async function addTenant(name: string): Promise<Tenant> {
  const { domainId, token, tokenId } = await api.addTenant(name);
  const spare = await api.addToken(domainId);
  await revokeToken(api.database.pool, spare.tokenId);
  const key = `key-of-${name}`;
  const { json } = await api.post(token, { ...WISH, callback_apikey: key });
  const { event_domain_uuid: subscriptionId } = json as { event_domain_uuid: string };
  const { pool } = api.database;
  const [flow, call] = [randomUUID(), randomUUID()];
  const delivery = await tell(pool, { domainId, subscriptionId, url: WISH.callback_url, state: 'abandoned', flowId: flow, callId: call, from: `+number-of-${name}`, body: JSON.stringify({ secret: key }) });
  await tried(pool, delivery, ['retry']);
  const { id: replay } = await addReplay(pool, { domainId, subscriptionId, callId: null, number: null, from: null, to: null, states: ['held'] });
  const ids = [subscriptionId, domainId, tokenId, spare.tokenId, delivery, flow, call, replay];
  return { name, domainId, token, tokenId, callId: call, ids, secrets: [...ids, name, key, token] };
}

/** Every row that is a tenant's, of all tables there are. */
async function holdingsOf({ domainId }: Tenant): Promise<Record<string, unknown>> {
  const { pool } = api.database;
  const { rows: tables } = await pool.query<{ name: string }>(`select table_name as name from information_schema.columns where table_schema = 'public' and column_name = 'domain_uuid' order by 1`);
  const holdings: Record<string, unknown> = {};
  for (const { name } of tables) holdings[name] = (await pool.query(`select to_jsonb(t) as row from ${name} t where domain_uuid = $1 order by 1`, [domainId])).rows;
  return holdings;
}

const routes = () => api.server.routes().filter(({ method }) => method !== 'HEAD').map(({ method, path }) => `${method} ${path}`);

/** The route with each of the victim's ids in the place of whatever varies, and its domain wherever a request can name one. */
function attempts(route: string, victim: Tenant): { method: string; path: string; body?: string }[] {
  const [method = '', pattern = ''] = route.split(' ');
  const { query: asked, body: wished } = ROUTES[route]!;
  const query = asked?.(victim) ?? `?domain=${victim.name}&domain_uuid=${victim.domainId}`;
  const paths = pattern.includes(':') ? victim.ids.map((id) => pattern.replaceAll(/:\w+/g, id)) : [pattern];
  const body = JSON.stringify(wished?.(victim) ?? { ...WISH, callback_apikey: 'taken over', domain: victim.name, domain_uuid: victim.domainId, domain_name: victim.name, subscription_id: victim.ids[0], enabled: false, is_admin: true });
  return paths.map((path) => ({ method, path: path + query, ...(['POST', 'PUT', 'PATCH'].includes(method) && { body }) }));
}

const send = ({ method, path, body }: ReturnType<typeof attempts>[number], token?: string): Promise<Answer> =>
  api.ask(method, path, { ...(token !== undefined && { token }), ...(body !== undefined && { headers: JSON_TYPE, body }) });

it('each route has an entry here', () => {
  expect([...new Set(routes())].sort()).toEqual(Object.keys(ROUTES).sort());
});

describe.each(Object.keys(ROUTES))('%s', (route) => {
  it.each([0, 1])('keeps the one tenant from what is the other’s (%i)', async (index) => {
    const [attacker, victim] = [tenants[index]!, tenants[1 - index]!];
    const before = await holdingsOf(victim);
    expect(Object.values(before).filter((rows) => (rows as unknown[]).length > 0).length).toBeGreaterThanOrEqual(4); // or there would be nothing to protect
    for (const attempt of attempts(route, victim)) {
      const answer = await send(attempt, attacker.token);
      expect([attempt.path, answer.status]).toEqual([attempt.path, ROUTES[route]!.status]);
      for (const secret of victim.secrets) expect(answer.text).not.toContain(secret);
    }
    expect(await holdingsOf(victim)).toEqual(before);
  });

  it('tells a stranger nothing', async () => {
    const [victim] = tenants;
    const before = await holdingsOf(victim);
    for (const attempt of attempts(route, victim)) {
      const answer = await send(attempt);
      expect(answer.status).toBe(ROUTES[route]!.open ? ROUTES[route]!.status : 401);
      for (const secret of victim.secrets) expect(answer.text).not.toContain(secret);
    }
    expect(await holdingsOf(victim)).toEqual(before);
  });
});

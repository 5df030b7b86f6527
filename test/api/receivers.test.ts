import { urlKey } from '../../src/webhook/identity.js';
import { tell } from './history.js';
import { startApi, type Api } from './support.js';

const BROKEN = 'https://example.com/broken';
const WELL = 'https://example.com/well';

let api: Api;
let admin: string;
const domains: string[] = [];
beforeAll(async () => {
  api = await startApi({ breakers: [{ urlKey: urlKey(BROKEN), state: 'open', failures: 12, nextProbeMs: 1_500.4 }] });
  admin = (await api.addToken(null)).token;
  for (const name of ['one.example', 'two.example']) {
    const { token, domainId } = await api.addTenant(name);
    domains.push(domainId);
    for (const callback_url of [BROKEN, WELL]) await api.post(token, { event: 'cdr', callback_url });
  }
  await api.database.pool.query(`update receiver set failing_since = '2026-01-01T00:00:00Z', last_failure = 'status 500' where callback_url = $1 and domain_uuid = $2`, [BROKEN, domains[0]]);
  for (let n = 0; n < 3; n++) await tell(api.database.pool, { domainId: domains[0]!, url: BROKEN, state: 'pending' });
  await tell(api.database.pool, { domainId: domains[0]!, url: BROKEN, state: 'delivered' });
});
afterAll(() => api.stop());

interface Page { data: Record<string, unknown>[]; next_cursor: string | null }
const list = async (query = '') => (await api.ask('GET', `/v1/admin/receiver${query}`, { token: admin })).json as Page;

it('shows how each URL of each tenant does, by what all daemons noted and what this one knows', async () => {
  const { data } = await list();
  expect(data).toHaveLength(4);
  expect(data).toContainEqual({
    domain_uuid: domains[0], domain_name: 'one.example', callback_url: BROKEN, failing_since: '2026-01-01T00:00:00.000Z', last_failure: 'status 500', waiting: 3,
    breaker: 'open', failures: 12, next_probe_ms: 1_500,
  });
  expect(data).toContainEqual({
    domain_uuid: domains[1], domain_name: 'two.example', callback_url: WELL, failing_since: null, last_failure: null, waiting: 0, breaker: 'closed', failures: 0, next_probe_ms: null,
  });
});

it('counts what waits for each tenant apart, also where two have one URL', async () => {
  expect((await list()).data.filter((row) => row.callback_url === BROKEN).map(({ domain_uuid, waiting }) => [domain_uuid, waiting]).sort()).toEqual([[domains[0], 3], [domains[1], 0]].sort());
});

it('shows the failing ones alone, and comes in pages', async () => {
  expect((await list('?failing=true')).data.map((row) => [row.domain_name, row.callback_url])).toEqual([['one.example', BROKEN]]);
  const first = await list('?limit=3');
  const second = await list(`?limit=3&cursor=${first.next_cursor}`);
  expect([...first.data, ...second.data]).toEqual((await list()).data);
  expect([first.data.length, second.data.length, second.next_cursor]).toEqual([3, 1, null]);
});

it.each(['?failing=maybe', '?limit=0', '?cursor=x'])('refuses %s', async (query) => {
  expect((await api.ask('GET', `/v1/admin/receiver${query}`, { token: admin })).status).toBe(400);
});

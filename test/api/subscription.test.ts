import { JSON_TYPE, startApi, type Api } from './support.js';
import { createVault } from '../../src/seal.js';

let api: Api;
let admin: string;
beforeAll(async () => {
  api = await startApi({ vault: createVault([Buffer.alloc(32, 7)]), requestsPerMinute: 100_000 });
  admin = (await api.addToken(null)).token;
});
afterAll(() => api.stop());

let counter = 0;
const uuid = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/) as string;
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;

async function tenant() {
  const name = `changing${++counter}.example`;
  const { token, domainId } = await api.addTenant(name);
  const subscribe = async (wish: object = {}) => (await api.post(token, { callback_url: 'https://example.com/hook', callback_apikey: 'k', event: 'ringing', ...wish })).json as { event_domain_uuid: string; secret: string };
  return { name, token, domainId, subscribe };
}

const change = (token: string, id: string, body: unknown) => api.ask('PATCH', `/v1/event/${id}`, { token, headers: JSON_TYPE, body: typeof body === 'string' ? body : JSON.stringify(body) });
const show = async (token: string, id: string) => (await api.ask('GET', `/v1/event/${id}`, { token })).json as Record<string, unknown>;

describe('GET /v1/event/<id>', () => {
  it('shows all that is known of a subscription', async () => {
    const { token, domainId, name, subscribe } = await tenant();
    const { event_domain_uuid: id } = await subscribe();
    expect(await show(token, id)).toEqual({
      event_domain_uuid: id, domain_uuid: domainId, domain_name: name, event_name: 'ringing', callback_url: 'https://example.com/hook', callback_apikey: 'k',
      enabled: true, format: 'v1', rate_per_second: null, disabled_reason: null, disabled_at: null, created_at: time, updated_at: time,
    });
    expect(await show(admin, id)).toMatchObject({ event_domain_uuid: id, domain_name: name });
  });

  it('says 404 alike for an unknown id, a foreign one and one that is none', async () => {
    const [mine, other] = [await tenant(), await tenant()];
    const { event_domain_uuid: foreign } = await other.subscribe();
    for (const method of ['GET', 'PATCH']) {
      const answers = await Promise.all([foreign, '00000000-0000-4000-8000-000000000000', 'nonsense', '%00'].map((id) => (
        api.ask(method, `/v1/event/${id}`, { token: mine.token, ...(method === 'PATCH' && { headers: JSON_TYPE, body: '{"enabled":false}' }) }))));
      expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404]);
    }
    expect(await show(other.token, foreign)).toMatchObject({ enabled: true });
  });
});

describe('PATCH /v1/event/<id>', () => {
  it.each([
    [{ callback_url: 'https://example.org/b' }], [{ callback_apikey: 'other' }], [{ callback_apikey: '' }], [{ enabled: false }], [{ format: 'v2' }], [{ rate_per_second: 1_000 }],
    [{ callback_url: 'https://example.org/c', callback_apikey: 'other', enabled: false, format: 'v2', rate_per_second: 1 }],
  ])('changes %j and nothing else', async (wanted) => {
    const { token, subscribe } = await tenant();
    const { event_domain_uuid: id } = await subscribe();
    const before = await show(token, id);
    const answer = await change(token, id, wanted);
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({ ...before, ...wanted, updated_at: time, ...('enabled' in wanted && { disabled_at: time }) });
    expect(await show(token, id)).toEqual(answer.json);
  });

  it('takes null for no limit and for no key', async () => {
    const { token, subscribe } = await tenant();
    const { event_domain_uuid: id } = await subscribe();
    await change(token, id, { rate_per_second: 5 });
    expect((await change(token, id, { rate_per_second: null, callback_apikey: null })).json).toMatchObject({ rate_per_second: null, callback_apikey: '' });
  });

  it('moves the sealed key along with the URL, which has its own secret', async () => {
    const { token, domainId, subscribe } = await tenant();
    const { event_domain_uuid: id, secret } = await subscribe();
    expect((await change(token, id, { callback_url: 'https://example.org/moved' })).json).toMatchObject({ callback_apikey: 'k' });
    const { rows } = await api.database.pool.query<{ key: string }>('select callback_apikey as key from event_domain where domain_uuid = $1', [domainId]);
    expect(rows[0]!.key).toMatch(/^sealed:/);
    const { json } = await api.ask('GET', `/v1/event/${id}/secret`, { token });
    expect((json as { secret: string }).secret).toMatch(/^whsec_/);
    expect((json as { secret: string }).secret).not.toBe(secret);
  });

  it('does not move a key that it cannot open, unless it is told a new one', async () => {
    const { token, subscribe } = await tenant();
    const { event_domain_uuid: id } = await subscribe();
    await api.database.pool.query(`update event_domain set callback_apikey = 'sealed:1:00000000:AAAA' where event_domain_uuid = $1`, [id]);
    const refused = await change(token, id, { callback_url: 'https://example.org/locked' });
    expect([refused.status, refused.json]).toEqual([409, expect.objectContaining({ errors: [{ field: 'callback_apikey', message: 'Is required here.' }] })]);
    expect((await change(token, id, { enabled: true })).status).toBe(200);
    expect((await change(token, id, { callback_url: 'https://example.org/locked', callback_apikey: 'new' })).json).toMatchObject({ callback_url: 'https://example.org/locked', callback_apikey: 'new' });
  });

  it('is refused where the URL is taken by another subscription to the event, also when both come at once', async () => {
    const { token, subscribe } = await tenant();
    const ids = await Promise.all([1, 2, 3].map(async (n) => (await subscribe({ callback_url: `https://example.com/${n}` })).event_domain_uuid));
    const answers = await Promise.all(ids.map((id) => change(token, id, { callback_url: 'https://example.com/one' })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
    expect(answers.find(({ status }) => status === 409)!.json).toMatchObject({ errors: [{ field: 'callback_url' }] });
  });

  it('loses none of two changes that come at once', async () => {
    const { token, subscribe } = await tenant();
    const { event_domain_uuid: id } = await subscribe();
    const wanted = [{ callback_url: 'https://example.org/x' }, { callback_apikey: 'y' }, { rate_per_second: 7 }];
    expect((await Promise.all(wanted.map((part) => change(token, id, part)))).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(await show(token, id)).toMatchObject(Object.assign({}, ...wanted) as object);
  });

  it.each([
    ['an empty object', '{}', ''], ['no object', '[]', ''], ['null', 'null', ''], ['a typo', '{"callback_ulr":"https://example.com/"}', 'callback_ulr'],
    ['an event', '{"event":"cdr"}', 'event'], ['an empty URL', '{"callback_url":""}', 'callback_url'], ['a null URL', '{"callback_url":null}', 'callback_url'],
    ['a private address', '{"callback_url":"http://10.0.0.1/"}', 'callback_url'], ['a key with a line end', '{"callback_apikey":"a\\nb"}', 'callback_apikey'],
    ['a text for a flag', '{"enabled":"false"}', 'enabled'], ['null for a flag', '{"enabled":null}', 'enabled'], ['an unknown format', '{"format":"v3"}', 'format'],
    ['a rate of 0', '{"rate_per_second":0}', 'rate_per_second'], ['too high a rate', '{"rate_per_second":1001}', 'rate_per_second'], ['half a webhook', '{"rate_per_second":0.5}', 'rate_per_second'],
    ['a good field beside a wrong one', '{"enabled":false,"formatt":"v2"}', 'formatt'],
  ])('refuses %s, and changes nothing', async (_name, body, field) => {
    const { token, subscribe } = await tenant();
    const { event_domain_uuid: id } = await subscribe();
    const before = await show(token, id);
    const answer = await change(token, id, body);
    expect([answer.status, (answer.json as { errors: { field: string }[] }).errors.map((error) => error.field)]).toEqual([400, [field]]);
    expect(await show(token, id)).toEqual(before);
  });

  it('does not change what FusionPBX looks after', async () => {
    const { token, subscribe } = await tenant();
    const { event_domain_uuid: id } = await subscribe();
    await api.database.pool.query(`update event_domain set source = 'fusionpbx' where event_domain_uuid = $1`, [id]);
    expect((await change(token, id, { enabled: false })).status).toBe(409);
    expect(await show(token, id)).toMatchObject({ enabled: true });
  });

  it('that enables says how many deliveries were kept, forgets why it was disabled, and says how to send them', async () => {
    const { token, subscribe } = await tenant();
    const { event_domain_uuid: id } = await subscribe();
    await api.database.pool.query(`update event_domain set enabled = false, disabled_reason = 'gone' where event_domain_uuid = $1`, [id]);
    expect(await show(token, id)).toMatchObject({ enabled: false, disabled_reason: 'gone', disabled_at: time });
    expect((await change(token, id, { enabled: true })).json).toMatchObject({ enabled: true, disabled_reason: null, disabled_at: null, held: 0 });
  });
});

describe('GET /v1/event', () => {
  const list = async (token: string, query: string) => (await api.ask('GET', `/v1/event${query}`, { token })).json as { data: Record<string, unknown>[]; next_cursor?: string | null };

  it('has details when asked for', async () => {
    const { token, subscribe } = await tenant();
    await subscribe();
    expect((await list(token, '?details=true')).data).toEqual([expect.objectContaining({ event_domain_uuid: uuid, enabled: true, format: 'v1', rate_per_second: null, created_at: time })]);
    expect(Object.keys((await list(token, '?details=false')).data[0]!)).toHaveLength(6);
    expect(await list(token, '?details=true')).not.toHaveProperty('next_cursor');
  });

  it('comes in pages when asked for, and misses and repeats none that is there all the while', async () => {
    const { token, subscribe } = await tenant();
    const urls = Array.from({ length: 7 }, (_, n) => `https://example.com/${n}`);
    for (const callback_url of urls) await subscribe({ callback_url });
    const seen: unknown[] = [];
    let cursor: string | null | undefined = null;
    do {
      const page = await list(token, `?limit=3${cursor === null ? '' : `&cursor=${cursor}`}`);
      seen.push(...page.data.map((row) => row.callback_url));
      if (seen.length === 3) await subscribe({ callback_url: 'https://example.com/late' });
      cursor = page.next_cursor;
    } while (typeof cursor === 'string');
    expect(seen).toEqual([...urls, 'https://example.com/late']);
  });

  it.each(['?details=maybe', '?limit=0', '?limit=501', '?limit=x', '?cursor=x', '?cursor=', '?limit=1&limit=2', '?details=true&details=true'])('refuses %s', async (query) => {
    const { token } = await tenant();
    expect((await api.ask('GET', `/v1/event${query}`, { token })).status).toBe(400);
  });
});

import { JSON_TYPE, startApi, type Answer, type Api } from './support.js';

let api: Api;
let admin: string;
let tenant: { token: string; domainId: string };
beforeAll(async () => {
  api = await startApi({ requestsPerMinute: 100_000, failuresPerMinute: 100_000 });
  admin = (await api.addToken(null)).token;
  tenant = await api.addTenant('tenant.example');
});
afterAll(() => api.stop());

const NOBODY = '00000000-0000-4000-8000-000000000000';
const uuid = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/) as string;
const instant = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;

const ask = (method: string, path: string, body?: unknown, token = admin) => api.ask(method, `/v1/admin${path}`, { token, ...(body !== undefined && { headers: JSON_TYPE, body: JSON.stringify(body) }) });
const addDomain = async (domain_name: string) => (await ask('POST', '/domain', { domain_name })).json as { domain_uuid: string };
const fieldsOf = ({ json }: Answer) => (json as { errors: { field: string }[] }).errors.map(({ field }) => field);

/** All of a list, page by page, with what each page held. */
async function pages(path: string, limit: number, between: () => Promise<unknown> = () => Promise.resolve()) {
  const found: Record<string, unknown>[][] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const { status, json } = await ask('GET', `${path}${path.includes('?') ? '&' : '?'}limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`);
    expect(status).toBe(200);
    const page = json as { data: Record<string, unknown>[]; next_cursor: string | null };
    found.push(page.data);
    cursor = page.next_cursor;
    await between();
  }
  return found;
}

it.each([['GET', '/domain'], ['POST', '/domain'], ['GET', `/domain/${NOBODY}`], ['PATCH', `/domain/${NOBODY}`], ['DELETE', `/domain/${NOBODY}`], ['GET', '/token'], ['POST', '/token'], ['DELETE', `/token/${NOBODY}`]])(
  '%s %s is for admins: a tenant is told so, and a stranger nothing', async (method, path) => {
    const forbidden = await ask(method, path, undefined, tenant.token);
    expect([forbidden.status, forbidden.json]).toEqual([403, { type: 'about:blank', title: 'Forbidden', status: 403, detail: "This needs an admin's token; yours is a tenant's." }]);
    expect((await api.ask(method, `/v1/admin${path}`)).status).toBe(401);
  });

describe('a domain', () => {
  it('is made once, in lower case', async () => {
    const answer = await ask('POST', '/domain', { domain_name: 'Made.Example' });
    expect([answer.status, answer.json]).toEqual([201, { domain_uuid: uuid, domain_name: 'made.example', enabled: true, source: 'local', created_at: instant, updated_at: instant }]);
    const again = await ask('POST', '/domain', { domain_name: 'MADE.example', enabled: false });
    expect([again.status, fieldsOf(again)]).toEqual([409, ['domain_name']]);
    const { domain_uuid } = answer.json as { domain_uuid: string };
    expect((await ask('GET', `/domain/${domain_uuid}`)).json).toEqual(answer.json);
  });

  it('may be made disabled', async () => {
    expect((await ask('POST', '/domain', { domain_name: 'later.example', enabled: false })).json).toMatchObject({ enabled: false });
  });

  it.each<[string, unknown, string[]]>([
    ['no name', {}, ['domain_name']], ['null', { domain_name: null }, ['domain_name']], ['an empty name', { domain_name: '' }, ['domain_name']], ['a number', { domain_name: 7 }, ['domain_name']],
    ['a URL', { domain_name: 'https://acme.example' }, ['domain_name']], ['a star', { domain_name: '*' }, ['domain_name']], ['blanks', { domain_name: 'a b' }, ['domain_name']], ['a NUL', { domain_name: 'a\0b' }, ['domain_name']], ['254 characters', { domain_name: 'a'.repeat(254) }, ['domain_name']],
    ['two faults', { domain_name: '*', enabled: 'no' }, ['domain_name', 'enabled']], ['a list', [], ['']],
  ])('with %s is refused', async (_name, body, fields) => {
    const answer = await ask('POST', '/domain', body);
    expect([answer.status, fieldsOf(answer).filter((field) => fields.includes(field))]).toEqual([400, fields]);
  });

  it('is renamed, disabled and enabled, and what is not said stays', async () => {
    const { domain_uuid } = await addDomain('before.example');
    expect((await ask('PATCH', `/domain/${domain_uuid}`, { enabled: false })).json).toMatchObject({ domain_uuid, domain_name: 'before.example', enabled: false });
    expect((await ask('PATCH', `/domain/${domain_uuid}`, { domain_name: 'After.example' })).json).toMatchObject({ domain_name: 'after.example', enabled: false });
    expect((await ask('PATCH', `/domain/${domain_uuid}`, { domain_name: 'after.example', enabled: true })).json).toMatchObject({ domain_name: 'after.example', enabled: true });
    const taken = await ask('PATCH', `/domain/${domain_uuid}`, { domain_name: 'tenant.example', enabled: false });
    expect([taken.status, fieldsOf(taken)]).toEqual([409, ['domain_name']]);
    expect((await ask('GET', `/domain/${domain_uuid}`)).json).toMatchObject({ domain_name: 'after.example', enabled: true });
  });

  it.each<[unknown, string]>([[{}, ''], [{ enabled: null }, ''], [{ enabled: 1 }, 'enabled'], [{ domain_name: '' }, 'domain_name'], [{ domain_name: 'a/b' }, 'domain_name'], ['x', '']])('is not changed to %j', async (body, field) => {
    const answer = await ask('PATCH', `/domain/${tenant.domainId}`, body);
    expect([answer.status, fieldsOf(answer)]).toEqual([400, [field]]);
  });

  it('takes its subscriptions and tokens along when it goes, and says how many', async () => {
    const { token, domainId } = await api.addTenant('leaving.example');
    for (const event of ['ringing', 'cdr']) await api.post(token, { callback_url: 'https://example.com/', event });
    await api.addToken(domainId);
    const answer = await ask('DELETE', `/domain/${domainId}`);
    expect([answer.status, answer.json]).toEqual([200, { deleted: true, domain_name: 'leaving.example', subscriptions: 2, tokens: 2, waiting: 0 }]);
    expect((await api.ask('GET', '/v1/event', { token })).status).toBe(401);
    expect((await ask('GET', `/domain/${domainId}`)).status).toBe(404);
    expect((await ask('DELETE', `/domain/${domainId}`)).status).toBe(404);
  });

  it.each(['GET', 'PATCH', 'DELETE'])('%s of one that is not there says 404, whatever its id', async (method) => {
    for (const id of [NOBODY, 'nonsense', '%00', "'"]) expect((await ask(method, `/domain/${id}`, method === 'PATCH' ? { enabled: true } : undefined)).status).toBe(404);
  });

  it('of FusionPBX is shown and not changed: the answer says where to', async () => {
    const { domain_uuid } = await addDomain('theirs.example');
    await api.database.pool.query(`update domain set source = 'fusionpbx' where domain_uuid = $1`, [domain_uuid]);
    expect((await ask('GET', `/domain/${domain_uuid}`)).json).toMatchObject({ source: 'fusionpbx' });
    for (const answer of [await ask('PATCH', `/domain/${domain_uuid}`, { enabled: false }), await ask('DELETE', `/domain/${domain_uuid}`)]) {
      expect([answer.status, (answer.json as { detail: string }).detail]).toEqual([409, expect.stringContaining('in FusionPBX')]);
    }
    expect((await ask('GET', `/domain/${domain_uuid}`)).json).toMatchObject({ enabled: true });
  });
});

describe('a subscription of FusionPBX', () => {
  it('is listed, and neither changed nor deleted, by its tenant or an admin', async () => {
    const { token, name } = { ...await api.addTenant('pbx.example'), name: 'pbx.example' };
    const wish = { callback_url: 'https://example.com/theirs', event: 'cdr', callback_apikey: 'theirs' };
    const { json } = await api.post(token, wish);
    const { event_domain_uuid } = json as { event_domain_uuid: string };
    await api.database.pool.query(`update event_domain set source = 'fusionpbx' where event_domain_uuid = $1`, [event_domain_uuid]);
    for (const as of [token, admin]) {
      const answers = [await api.post(as, { ...wish, callback_apikey: 'other', domain: name }), await api.ask('DELETE', `/v1/event/${event_domain_uuid}`, { token: as })];
      for (const answer of answers) expect([answer.status, (answer.json as { detail: string }).detail]).toEqual([409, expect.stringContaining('v_event_domain')]);
    }
    expect((await api.post(token, { ...wish, event: 'hangup' })).status).toBe(200);
    expect((await api.ask('GET', '/v1/event', { token })).json).toMatchObject({ data: [{ event_domain_uuid, callback_apikey: 'theirs' }, { event_name: 'hangup' }] });
  });
});

describe('a token', () => {
  it('of a tenant is made, shown this once, and works', async () => {
    const expires_at = '2100-01-31T12:00:00+02:00';
    const answer = await ask('POST', '/token', { domain: 'Tenant.Example', label: 'crm', expires_at });
    expect(answer.status).toBe(201);
    expect(answer.json).toEqual({
      token: expect.stringMatching(/^hsk_[\w-]{43}$/) as string, token_uuid: uuid, label: 'crm', is_admin: false, domain_uuid: tenant.domainId, domain_name: 'tenant.example',
      created_at: instant, expires_at: '2100-01-31T10:00:00.000Z', last_used_at: null, revoked_at: null,
    });
    const { token, ...shown } = answer.json as { token: string };
    expect((await api.ask('GET', '/v1/event', { token })).status).toBe(200);
    const list = await ask('GET', '/token?limit=500');
    expect(list.text).not.toContain(token);
    expect((list.json as { data: unknown[] }).data).toContainEqual({ ...shown, last_used_at: instant });
    expect(JSON.stringify(api.lines)).not.toContain(token);
  });

  it('of an admin opens what is the admin’s', async () => {
    const { json } = await ask('POST', '/token', { is_admin: true });
    expect(json).toMatchObject({ is_admin: true, domain_uuid: null, domain_name: null, label: '', expires_at: null });
    expect((await ask('GET', '/domain', undefined, (json as { token: string }).token)).status).toBe(200);
  });

  it('that is revoked ends with that, and may be revoked again', async () => {
    const { token, token_uuid } = (await ask('POST', '/token', { domain: 'tenant.example' })).json as { token: string; token_uuid: string };
    for (let n = 0; n < 2; n++) {
      const answer = await ask('DELETE', `/token/${token_uuid}`);
      expect([answer.status, answer.json]).toEqual([200, { revoked: true }]);
    }
    expect((await api.ask('GET', '/v1/event', { token })).status).toBe(401);
    for (const id of [NOBODY, 'nonsense', '%00']) expect((await ask('DELETE', `/token/${id}`)).status).toBe(404);
  });

  it.each<[string, unknown, string]>([
    ['nobody', {}, 'domain'], ['a tenant and an admin', { domain: 'tenant.example', is_admin: true }, 'domain'], ['an unknown domain', { domain: 'nobody.example' }, 'domain'], ['a domain that is a number', { domain: 7 }, 'domain'],
    ['an admin of sorts', { is_admin: 'yes' }, 'is_admin'], ['a label of 201 characters', { domain: 'tenant.example', label: 'l'.repeat(201) }, 'label'], ['a label with a line feed', { domain: 'tenant.example', label: 'a\nb' }, 'label'],
    ['the past', { domain: 'tenant.example', expires_at: '2020-01-01T00:00:00Z' }, 'expires_at'], ['a day', { domain: 'tenant.example', expires_at: '2100-01-01' }, 'expires_at'], ['a time without zone', { domain: 'tenant.example', expires_at: '2100-01-01T00:00:00' }, 'expires_at'],
    ['no such day', { domain: 'tenant.example', expires_at: '2100-13-01T00:00:00Z' }, 'expires_at'], ['a number of seconds', { domain: 'tenant.example', expires_at: 4_102_444_800 }, 'expires_at'],
  ])('is not made for %s', async (_name, body, field) => {
    const answer = await ask('POST', '/token', body);
    expect([answer.status, fieldsOf(answer)]).toEqual([400, [field]]);
  });
});

describe('a list', () => {
  it('of domains comes by name, page by page, each once whatever is added meanwhile', async () => {
    const names = Array.from({ length: 7 }, (_, index) => `page-${index}.example`);
    for (const name of names) await addDomain(name);
    let added = 0;
    const found = await pages('/domain', 3, () => addDomain(`page-${added++}-new.example`));
    expect(found.slice(0, -1).every((page) => page.length === 3)).toBe(true);
    const all = found.flat().map(({ domain_name }) => domain_name as string);
    expect(all).toEqual([...new Set(all)].sort());
    expect(all).toEqual(expect.arrayContaining(names));
  });

  it('of tokens comes newest first, each once, also of those made in one instant, and of one domain', async () => {
    const { domainId } = await api.addTenant('many.example');
    await api.database.pool.query(`insert into api_token (token_sha256, is_admin, domain_uuid, label) select sha256(n::text::bytea), false, $1, n::text from generate_series(1, 9) n`, [domainId]);
    const found = await pages('/token?domain=MANY.example', 4, () => api.addToken(domainId));
    const all = found.flat();
    expect(all.map(({ label }) => label)).toEqual(expect.arrayContaining(Array.from({ length: 9 }, (_, n) => String(n + 1))));
    expect(new Set(all.map(({ token_uuid }) => token_uuid)).size).toBe(10);
    expect(all.every(({ domain_uuid }) => domain_uuid === domainId)).toBe(true);
    const times = all.map(({ created_at }) => created_at as string);
    expect(times).toEqual([...times].sort().reverse());
  });

  it('goes on where the row that ended the page before is gone', async () => {
    const { domainId } = await api.addTenant('gone.example');
    for (let n = 0; n < 3; n++) await api.addToken(domainId);
    const first = (await ask('GET', '/token?domain=gone.example&limit=2')).json as { data: { token_uuid: string }[]; next_cursor: string };
    await api.database.pool.query('delete from api_token where token_uuid = $1', [first.data[1]!.token_uuid]);
    const second = (await ask('GET', `/token?domain=gone.example&limit=2&cursor=${first.next_cursor}`)).json as { data: unknown[]; next_cursor: null };
    expect([second.data.length, second.next_cursor]).toEqual([2, null]);
  });

  it('that ends with a full page says that it ends', async () => {
    await api.addTenant('full.example');
    expect((await ask('GET', '/token?domain=full.example&limit=1')).json).toMatchObject({ data: [{}], next_cursor: null });
  });

  const forged = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  it.each([
    ['limit=0', 'limit'], ['limit=501', 'limit'], ['limit=-1', 'limit'], ['limit=1.5', 'limit'], ['limit=x', 'limit'], ['limit=', 'limit'], ['limit=1&limit=2', 'limit'],
    ['cursor=', 'cursor'], ['cursor=x', 'cursor'], ['cursor=%00', 'cursor'], [`cursor=${forged(['1'])}`, 'cursor'], [`cursor=${forged(['x', NOBODY])}`, 'cursor'], [`cursor=${forged(['1', 'x'])}`, 'cursor'],
    [`cursor=${forged([1, NOBODY])}`, 'cursor'], [`cursor=${forged({})}`, 'cursor'], [`cursor=${forged(['9'.repeat(17), NOBODY])}`, 'cursor'], ['domain=nobody.example', 'domain'], ['domain=a&domain=b', 'domain'], ['domain=%00', 'domain'],
  ])('is refused with ?%s', async (query, field) => {
    const answer = await ask('GET', `/token?${query}`);
    expect([answer.status, fieldsOf(answer)]).toEqual([400, [field]]);
  });

  it('takes the outermost cursor that has the form of one', async () => {
    for (const micros of ['0', String(Number.MAX_SAFE_INTEGER)]) expect((await ask('GET', `/token?cursor=${forged([micros, NOBODY])}`)).status).toBe(200);
    const other = await ask('GET', `/domain?cursor=${forged(['a\0'])}`);
    expect([other.status, fieldsOf(other)]).toEqual([400, ['cursor']]);
  });
});

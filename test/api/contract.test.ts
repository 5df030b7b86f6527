import { revokeToken } from '../../src/db/tokens.js';
import { startApi, type Api } from './support.js';

let api: Api;
beforeAll(async () => { api = await startApi(); });
afterAll(() => api.stop());

let counter = 0;
const tenant = async () => { const name = `tenant${++counter}.example`; return { name, ...await api.addTenant(name) }; };
const list = async (token: string, query = '') => (await api.ask('GET', `/v1/event${query}`, { token })).json as { data: Record<string, string>[] };
const secret = expect.stringMatching(/^whsec_/) as string;
const uuid = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/) as string;

describe('POST /v1/event', () => {
  it('creates a subscription and answers with its id', async () => {
    const { token } = await tenant();
    const answer = await api.post(token, { callback_url: 'https://example.com/hook', callback_apikey: 'k', event: 'ringing' });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(answer.json).toEqual({ created: true, event_domain_uuid: uuid, secret });
  });

  it('again updates the key and keeps the id', async () => {
    const { token } = await tenant();
    const wish = { callback_url: 'https://example.com/hook', event: 'ringing' };
    const first = await api.post(token, { ...wish, callback_apikey: 'old' });
    const second = await api.post(token, { ...wish, callback_apikey: 'new' });
    expect(second.json).toEqual(first.json);
    expect((await list(token)).data.map((row) => row.callback_apikey)).toEqual(['new']);
  });

  it.each([['absent', {}], ['null', { callback_apikey: null }], ['empty', { callback_apikey: '' }]])('takes a key that is %s for none', async (_name, key) => {
    const { token } = await tenant();
    expect((await api.post(token, { callback_url: 'https://example.com/', event: 'cdr', ...key })).status).toBe(200);
    expect((await list(token)).data[0]!.callback_apikey).toBe('');
  });

  it('keeps an event that nobody knows, and says so', async () => {
    const { token } = await tenant();
    const answer = await api.post(token, { callback_url: 'https://example.com/', event: 'Ringing' });
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({ created: true, event_domain_uuid: uuid, secret, warning: 'Event "Ringing" is not known and will not be delivered. Known events: ringing, answered, hangup, cdr.' });
    expect((await list(token)).data[0]!.event_name).toBe('Ringing');
  });

  it('ignores fields that it does not know, also a domain that is not the caller’s', async () => {
    const [mine, other] = [await tenant(), await tenant()];
    const answer = await api.post(mine.token, { callback_url: 'https://example.com/', event: 'cdr', domain: other.name, domain_uuid: other.domainId, enabled: false, nested: { a: [1] } });
    expect(answer.status).toBe(200);
    expect((await list(mine.token)).data).toHaveLength(1);
    expect((await list(other.token)).data).toEqual([]);
  });

  it('keeps the URL as given but for its fragment', async () => {
    const { token } = await tenant();
    await api.post(token, { callback_url: 'https://EXAMPLE.com?a=B#frag', event: 'cdr' });
    expect((await list(token)).data[0]!.callback_url).toBe('https://EXAMPLE.com?a=B');
  });

  it('takes a key of any printable Latin-1 characters', async () => {
    const { token } = await tenant();
    const callback_apikey = 'a "quoted"; käse=\\x~\u00ff';
    expect((await api.post(token, { callback_url: 'https://example.com/', event: 'cdr', callback_apikey })).status).toBe(200);
    expect((await list(token)).data[0]!.callback_apikey).toBe(callback_apikey);
  });

  it('creates one subscription when asked for the same one many times at once', async () => {
    const { token } = await tenant();
    const answers = await Promise.all(Array.from({ length: 20 }, () => api.post(token, { callback_url: 'https://example.com/', event: 'cdr' })));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect((await list(token)).data).toHaveLength(1);
  });
});

describe('GET /v1/event', () => {
  it('lists the six fields of each subscription, oldest first', async () => {
    const { token, domainId, name } = await tenant();
    const events = ['ringing', 'answered', 'hangup', 'cdr'];
    for (const event of events) await api.post(token, { callback_url: 'https://example.com/hook', callback_apikey: 'k', event });
    await api.post(token, { callback_url: 'https://example.com/hook', callback_apikey: 'k', event: 'ringing' });
    const answer = await api.ask('GET', '/v1/event', { token });
    expect(answer.status).toBe(200);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.json).toEqual({
      data: events.map((event_name) => ({
        event_domain_uuid: uuid, domain_uuid: domainId, domain_name: name, event_name, callback_url: 'https://example.com/hook', callback_apikey: 'k',
      })),
    });
    expect(Object.keys((await list(token)).data[0]!)).toEqual(['event_domain_uuid', 'domain_uuid', 'domain_name', 'event_name', 'callback_url', 'callback_apikey']);
  });

  it('is empty for a new tenant', async () => {
    expect(await list((await tenant()).token)).toEqual({ data: [] });
  });

  it('answers HEAD as GET, without a body', async () => {
    const answer = await api.ask('HEAD', '/v1/event', { token: (await tenant()).token });
    expect([answer.status, answer.text]).toEqual([200, '']);
  });
});

describe('DELETE /v1/event/<id>', () => {
  it.each([['without a body', {}], ['announcing JSON', { headers: { 'content-type': 'application/json' } }], ['with a form', { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'a=b' }]])(
    'deletes %s, once', async (_name, ask) => {
      const { token } = await tenant();
      const { json } = await api.post(token, { callback_url: 'https://example.com/', event: 'cdr' });
      const path = `/v1/event/${(json as { event_domain_uuid: string }).event_domain_uuid}`;
      const answer = await api.ask('DELETE', path, { token, ...ask });
      expect([answer.status, answer.json]).toEqual([200, { deleted: true }]);
      expect(await list(token)).toEqual({ data: [] });
      expect((await api.ask('DELETE', path, { token })).status).toBe(404);
    });

  it('says 404 alike for an unknown id, a foreign one and one that is none', async () => {
    const [mine, other] = [await tenant(), await tenant()];
    const { json } = await api.post(other.token, { callback_url: 'https://example.com/', event: 'cdr' });
    const ids = [(json as { event_domain_uuid: string }).event_domain_uuid, '00000000-0000-4000-8000-000000000000', 'nonsense', '1', `%00`, 'a'.repeat(90), `'; drop table domain --`.replaceAll(' ', '%20')];
    const answers = await Promise.all(ids.map((id) => api.ask('DELETE', `/v1/event/${id}`, { token: mine.token })));
    expect(answers.map(({ status }) => status)).toEqual(ids.map(() => 404));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect((await list(other.token)).data).toHaveLength(1);
  });
});

describe('a tenant', () => {
  it('neither sees nor changes what another has', async () => {
    const [mine, other] = [await tenant(), await tenant()];
    const wish = { callback_url: 'https://example.com/same', event: 'cdr' };
    await api.post(other.token, { ...wish, callback_apikey: 'theirs' });
    await api.post(mine.token, { ...wish, callback_apikey: 'mine' });
    expect((await list(mine.token, `?domain=${other.name}`)).data.map((row) => row.callback_apikey)).toEqual(['mine']);
    expect((await list(other.token)).data.map((row) => row.callback_apikey)).toEqual(['theirs']);
  });
});

describe('an admin', () => {
  it('sees all, or one domain, in any case', async () => {
    const { token } = await api.addToken(null);
    const [one, two] = [await tenant(), await tenant()];
    await api.post(one.token, { callback_url: 'https://example.com/1', event: 'cdr' });
    await api.post(two.token, { callback_url: 'https://example.com/2', event: 'cdr' });
    expect((await list(token)).data.map((row) => row.domain_name)).toEqual(expect.arrayContaining([one.name, two.name]));
    expect((await list(token, `?domain=${one.name.toUpperCase()}`)).data.map((row) => row.callback_url)).toEqual(['https://example.com/1']);
  });

  it('creates for a domain that it names, and deletes anywhere', async () => {
    const { token } = await api.addToken(null);
    const { name, token: theirs } = await tenant();
    const { json } = await api.post(token, { callback_url: 'https://example.com/', event: 'cdr', domain: name.toUpperCase() });
    expect((await list(theirs)).data).toHaveLength(1);
    expect((await api.ask('DELETE', `/v1/event/${(json as { event_domain_uuid: string }).event_domain_uuid}`, { token })).json).toEqual({ deleted: true });
    expect((await list(theirs)).data).toEqual([]);
    expect((await api.ask('DELETE', '/v1/event/nonsense', { token })).status).toBe(404);
  });

  it.each([['GET', '?domain=nobody.example'], ['GET', '?domain='], ['GET', '?domain=a&domain=b'], ['GET', '?domain=%00'], ['POST', 'nobody.example'], ['POST', undefined], ['POST', 7]])(
    'is told of a domain that does not exist: %s %s', async (method, domain) => {
      const { token } = await api.addToken(null);
      const answer = method === 'GET' ? await api.ask('GET', `/v1/event${domain}`, { token }) : await api.post(token, { callback_url: 'https://example.com/', event: 'cdr', domain });
      expect(answer.status).toBe(400);
      expect(answer.json).toMatchObject({ errors: [{ field: 'domain' }] });
    });
});

describe('a token', () => {
  const bare = (headers: Record<string, string>) => api.ask('GET', '/v1/event', { headers });

  it('that is missing, malformed, unknown, expired, revoked or a disabled tenant’s is refused alike', async () => {
    const expired = await api.addToken((await tenant()).domainId, new Date(0));
    const revoked = await tenant();
    await revokeToken(api.database.pool, revoked.tokenId);
    const disabled = await tenant();
    await api.database.pool.query('update domain set enabled = false where domain_uuid = $1', [disabled.domainId]);
    const good = await tenant();
    const answers = await Promise.all([
      bare({}), bare({ authorization: '' }), bare({ authorization: 'Bearer' }), bare({ authorization: 'Bearer ' }), bare({ authorization: `Basic ${good.token}` }), bare({ authorization: good.token }),
      bare({ authorization: `Bearer ${good.token} ${good.token}` }), bare({ authorization: `Bearer ${good.token}x` }), bare({ authorization: `Bearer ${good.token.toUpperCase()}` }),
      bare({ authorization: `Bearer hsk_${'A'.repeat(43)}` }), bare({ authorization: `Bearer ${expired.token}` }), bare({ authorization: `Bearer ${revoked.token}` }), bare({ authorization: `Bearer ${disabled.token}` }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 401));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    for (const { headers } of answers) expect(headers).toMatchObject({ 'www-authenticate': 'Bearer', 'content-type': 'application/problem+json' });
    expect((await bare({ authorization: `bearer ${good.token}` })).status).toBe(200);
  });

  it('is refused from the request after its revocation on', async () => {
    const { token, tokenId } = await tenant();
    expect((await api.ask('GET', '/v1/event', { token })).status).toBe(200);
    await revokeToken(api.database.pool, tokenId);
    expect((await api.ask('GET', '/v1/event', { token })).status).toBe(401);
  });

  it.each(['GET', 'POST'])('is asked for before anything else is said: %s', async (method) => {
    expect((await api.ask(method, '/v1/event', { body: '{', headers: { 'content-type': 'text/plain' } })).status).toBe(401);
    expect((await api.ask('DELETE', '/v1/event/nonsense')).status).toBe(401);
  });

  it('leaves a trace of its use', async () => {
    const { token, tokenId } = await tenant();
    await api.ask('GET', '/v1/event', { token });
    expect((await api.database.pool.query('select last_used_at is not null as used from api_token where token_uuid = $1', [tokenId])).rows).toEqual([{ used: true }]);
  });

  it('and a key never appear in the log', async () => {
    const { token } = await tenant();
    await api.post(token, { callback_url: 'https://example.com/secret-path', event: 'cdr', callback_apikey: 'secret-key' });
    const log = JSON.stringify(api.lines);
    for (const secret of [token, token.slice(4), 'secret-key', 'secret-path']) expect(log).not.toContain(secret);
  });
});

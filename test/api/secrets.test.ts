import { createSealedSubscriptions } from '../../src/db/sealed-subscriptions.js';
import { createVault } from '../../src/seal.js';
import { JSON_TYPE, startApi, type Api } from './support.js';

const vault = createVault([Buffer.alloc(32, 1)]);
const lost = createVault([Buffer.alloc(32, 2)]);
const SECRET = expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/) as string;

let api: Api;
beforeAll(async () => { api = await startApi({ vault }); });
afterAll(() => api.stop());

let counter = 0;
const tenant = async () => ({ ...await api.addTenant(`secrets${++counter}.example`), name: `secrets${counter}.example` });
const subscribe = async (token: string, event = 'cdr', rest: Record<string, unknown> = {}) => (
  (await api.post(token, { callback_url: 'https://example.com/hook', event, ...rest })).json as { event_domain_uuid: string; secret: string });
const show = (token: string, id: string) => api.ask('GET', `/v1/event/${id}/secret`, { token });
const rotate = (token: string, id: string, body?: unknown) => api.ask('POST', `/v1/event/${id}/secret`, { token, ...(body === undefined ? {} : { headers: JSON_TYPE, body: JSON.stringify(body) }) });

it('whoever subscribes gets the secret, after the fields of the contract, the same for each event at the URL', async () => {
  const { token } = await tenant();
  const answer = await api.post(token, { callback_url: 'https://example.com/hook', event: 'cdr' });
  expect(answer.json).toEqual({ created: true, event_domain_uuid: expect.any(String) as string, secret: SECRET });
  expect(Object.keys(answer.json as object)).toEqual(['created', 'event_domain_uuid', 'secret']);
  const { secret } = answer.json as { secret: string };
  expect((await subscribe(token, 'ringing')).secret).toBe(secret);
  expect((await subscribe(token, 'cdr', { callback_url: 'https://example.com/other' })).secret).not.toBe(secret);
});

it('its owner and an admin are shown it, and lists never do', async () => {
  const [{ token }, admin] = [await tenant(), await api.addToken(null)];
  const { event_domain_uuid: id, secret } = await subscribe(token);
  for (const who of [token, admin.token]) {
    const answer = await show(who, id);
    expect([answer.status, answer.json, answer.headers['cache-control']]).toEqual([200, { secret, previous_valid_until: null }, 'no-store']);
    expect((await api.ask('GET', '/v1/event', { token: who })).text).not.toContain('whsec_');
  }
});

it('others are told that there is no such subscription, and change nothing', async () => {
  const [mine, other] = [await tenant(), await tenant()];
  const { event_domain_uuid: id, secret } = await subscribe(mine.token);
  const answers = await Promise.all([id, '00000000-0000-4000-8000-000000000000', 'nonsense', '%00'].flatMap((one) => [show(other.token, one), rotate(other.token, one), rotate(other.token, one, { overlap_seconds: 0 })]));
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 404));
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  expect((await show(mine.token, id)).json).toEqual({ secret, previous_valid_until: null });
  for (const method of ['GET', 'POST']) expect((await api.ask(method, `/v1/event/${id}/secret`)).status).toBe(401);
});

describe('a rotation', () => {
  it.each([['nothing', undefined, 86_400], ['an empty object', {}, 86_400], ['null', null, 86_400], ['other fields', { x: 1 }, 86_400], ['an hour', { overlap_seconds: 3_600 }, 3_600], ['a week', { overlap_seconds: 604_800 }, 604_800]])(
    'that says %s leaves the secret before for its time', async (_what, body, seconds) => {
      const { token } = await tenant();
      const { event_domain_uuid: id, secret } = await subscribe(token);
      const answer = await rotate(token, id, body);
      expect(answer.status).toBe(200);
      const { secret: fresh, previous_valid_until: until } = answer.json as { secret: string; previous_valid_until: string };
      expect(fresh).toEqual(SECRET);
      expect(fresh).not.toBe(secret);
      expect(until).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(Math.abs(Date.parse(until) - Date.now() - seconds * 1_000)).toBeLessThan(60_000);
      expect((await show(token, id)).json).toEqual(answer.json);
    });

  it('with an overlap of 0 leaves nothing of it', async () => {
    const { token } = await tenant();
    const { event_domain_uuid: id } = await subscribe(token);
    expect((await rotate(token, id, { overlap_seconds: 0 })).json).toEqual({ secret: SECRET, previous_valid_until: null });
  });

  it('is an admin\'s to do, too, and takes JSON that is announced and not there', async () => {
    const [{ token }, admin] = [await tenant(), await api.addToken(null)];
    const { event_domain_uuid: id, secret } = await subscribe(token);
    expect((await rotate(admin.token, id, {})).status).toBe(200);
    expect((await api.ask('POST', `/v1/event/${id}/secret`, { token, headers: JSON_TYPE })).status).toBe(200);
    expect((await subscribe(token)).secret).not.toBe(secret);
  });

  it.each([[-1], [604_801], [1.5], ['3600'], [null], [[]], [{}]])('is refused for an overlap of %j', async (overlap) => {
    const { token } = await tenant();
    const { event_domain_uuid: id, secret } = await subscribe(token);
    const answer = await rotate(token, id, { overlap_seconds: overlap });
    expect([answer.status, answer.json]).toEqual([400, expect.objectContaining({ errors: [{ field: 'overlap_seconds', message: 'Must be a whole number from 0 to 604800.' }] })]);
    expect((await show(token, id)).json).toMatchObject({ secret });
  });

  it.each([['{', 400], ['[]', 400], ['7', 400], ['{"__proto__":{"overlap_seconds":0}}', 400]])('is refused for the body %s', async (body, status) => {
    const { token } = await tenant();
    const { event_domain_uuid: id } = await subscribe(token);
    expect((await api.ask('POST', `/v1/event/${id}/secret`, { token, headers: JSON_TYPE, body })).status).toBe(status);
  });
});

it('keys and secrets are sealed in the database and plain to their owner, and in no line of the log', async () => {
  const { token, domainId } = await tenant();
  const { event_domain_uuid: id, secret } = await subscribe(token, 'cdr', { callback_apikey: 'hunter2' });
  await rotate(token, id);
  const { rows } = await api.database.pool.query<Record<string, string>>(
    'select callback_apikey, secret, previous_secret from event_domain join receiver using (domain_uuid, callback_url) where domain_uuid = $1', [domainId]);
  expect(Object.values(rows[0]!).map((stored) => stored.startsWith(vault.prefix!))).toEqual([true, true, true]);
  const list = (await api.ask('GET', '/v1/event', { token })).json as { data: object[] };
  expect(list.data).toMatchObject([{ event_domain_uuid: id, callback_apikey: 'hunter2' }]);
  for (const hidden of ['hunter2', 'whsec_', secret.slice(6, 20)]) expect(JSON.stringify(api.lines)).not.toContain(hidden);
});

it('what is sealed with a key that is lost is said so, never shown, and mended by rotating', async () => {
  const { token, domainId } = await tenant();
  const stored = (await createSealedSubscriptions(api.database.pool, lost).upsert(domainId, 'cdr', 'https://example.com/hook', 'hunter2'))!;
  const answer = await show(token, stored.id);
  expect(answer.status).toBe(409);
  expect(answer.json).toMatchObject({ title: 'Conflict', detail: expect.stringContaining(`encryption key ${lost.prefix!.split(':')[2]}, which is not configured`) as string });
  const list = await api.ask('GET', '/v1/event', { token });
  expect(list.json).toMatchObject({ data: [{ callback_apikey: null }] });
  const again = await api.post(token, { callback_url: 'https://example.com/hook', event: 'cdr', callback_apikey: 'known' });
  expect(again.json).toEqual({ created: true, event_domain_uuid: stored.id });
  expect((await rotate(token, stored.id, { overlap_seconds: 0 })).json).toEqual({ secret: SECRET, previous_valid_until: null });
  expect((await show(token, stored.id)).status).toBe(200);
  expect((await api.ask('GET', '/v1/event', { token })).json).toMatchObject({ data: [{ callback_apikey: 'known' }] });
});

it('a key that looks sealed is refused: without a key of ours it could not be told from one', async () => {
  const { token } = await tenant();
  const answer = await api.post(token, { callback_url: 'https://example.com/', event: 'cdr', callback_apikey: 'sealed:1:00000000:AAAA' });
  expect(answer.json).toMatchObject({ status: 400, errors: [{ field: 'callback_apikey', message: 'Must not begin with "sealed:".' }] });
});

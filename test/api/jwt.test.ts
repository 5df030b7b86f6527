import type { webcrypto } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportSPKI, importJWK } from 'jose';
import { ConfigError } from '../../src/config.js';
import { systemClock } from '../../src/clock.js';
import { openJwt } from '../../src/http/jwt.js';
import { silentLog } from '../support/silent-log.js';
import { issuerKey, signWith, startKeysServer, type Claims } from './keys-server.js';
import { JSON_TYPE, startApi, type Api } from './support.js';

const SECRET = 'a secret of more than 32 bytes, for HS256';
const bytes = (secret: string) => new TextEncoder().encode(secret);
const inSeconds = (seconds: number) => Math.floor(Date.now() / 1_000) + seconds;

const [rsa, ec, strangeRsa, strangeEc] = [await issuerKey('RS256', 'rsa'), await issuerKey('ES256', 'ec'), await issuerKey('RS256', 'rsa'), await issuerKey('ES256', 'ec')];
const hs = (claims: Claims, secret = SECRET) => signWith(bytes(secret), { alg: 'HS256' }, claims);

let folder: string;
let api: Api;
let acme: { domainId: string; token: string };
let disabled: { domainId: string };
const GOOD = { iss: 'https://issuer.test/', aud: 'hookswitch', sub: 'user-1' };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hookswitch-jwt-'));
  writeFileSync(join(folder, 'keys.json'), JSON.stringify({ keys: [{ kty: 'oct', k: 'c2VjcmV0' }, 'nonsense', { kty: 'RSA' }, rsa.jwk, ec.jwk] }));
  api = await startApi({
    requestsPerMinute: 1_000, failuresPerMinute: 1_000,
    jwt: { secret: SECRET, jwksFile: join(folder, 'keys.json'), issuer: GOOD.iss, audience: GOOD.aud, adminClaim: 'role', adminValue: 'operator' },
  });
  acme = await api.addTenant('acme.example');
  disabled = await api.addTenant('disabled.example');
  await api.database.pool.query('update domain set enabled = false where domain_uuid = $1', [disabled.domainId]);
});
afterAll(async () => { await api.stop(); rmSync(folder, { recursive: true }); });

const ask = (token: string, path = '/v1/event') => api.ask('GET', path, { token });
const claims = (more: Claims = {}): Claims => ({ ...GOOD, domain_uuid: acme.domainId, ...more });

describe('a JWT of a tenant', () => {
  it.each([['HS256', hs], ['RS256', rsa.sign], ['ES256', ec.sign]] as const)('signed with %s opens the tenant’s subscriptions, and nobody else’s', async (_alg, sign) => {
    await api.post(acme.token, { callback_url: 'https://example.com/', event: 'cdr' });
    const answer = await ask(await sign(claims()));
    expect(answer.status).toBe(200);
    expect((answer.json as { data: { domain_uuid: string }[] }).data.map(({ domain_uuid }) => domain_uuid)).toEqual([acme.domainId]);
    expect((await api.ask('GET', '/v1/admin/domain', { token: await sign(claims()) })).status).toBe(403);
  });

  it.each([['its uuid', () => acme.domainId], ['its uuid in capitals', () => acme.domainId.toUpperCase()], ['its name', () => 'acme.example'], ['its name in another case', () => 'ACME.Example']])(
    'names its domain by %s', async (_name, domain) => {
      expect((await ask(await hs(claims({ domain_uuid: domain() })))).status).toBe(200);
    });

  it('may leave out which key it is signed with', async () => {
    expect((await ask(await rsa.sign(claims(), {}))).status).toBe(200);
  });

  it('is refused alike for whatever is wrong with it', async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const unsigned = `${part({ alg: 'none' })}.${part(claims({ exp: inSeconds(60) }))}.`;
    const publicKey = await exportSPKI(await importJWK(rsa.jwk, 'RS256', { extractable: true }) as webcrypto.CryptoKey);
    const good = await hs(claims());
    const tokens: Record<string, string> = {
      'wrong secret': await hs(claims(), `${SECRET}!`), 'wrong RSA key': await strangeRsa.sign(claims()), 'wrong EC key': await strangeEc.sign(claims()), 'unknown key': await rsa.sign(claims(), { kid: 'other' }),
      'the other key’s name': await rsa.sign(claims(), { kid: 'ec' }),
      'wrong issuer': await hs(claims({ iss: 'https://other.test/' })), 'no issuer': await hs({ ...claims(), iss: undefined }), 'wrong audience': await hs(claims({ aud: 'other' })), 'no audience': await hs({ ...claims(), aud: undefined }),
      expired: await hs(claims({ exp: inSeconds(-1) })), 'not yet valid': await hs(claims({ nbf: inSeconds(60) })), 'without expiry': await hs({ ...claims(), exp: undefined }),
      'alg none': unsigned, 'alg none with a signature': `${unsigned}${good.split('.')[2]!}`,
      'HS256 with the RSA public key': await signWith(bytes(publicKey), { alg: 'HS256', kid: 'rsa' }, claims()), 'HS256 with its modulus': await signWith(Buffer.from(rsa.jwk.n!, 'base64url'), { alg: 'HS256' }, claims()),
      'HS512 with the secret': await signWith(bytes(SECRET.repeat(2)), { alg: 'HS512' }, claims()),
      'claims changed after signing': [good.split('.')[0], part(claims({ exp: inSeconds(60), domain_uuid: disabled.domainId })), good.split('.')[2]].join('.'),
      'an unknown domain': await hs(claims({ domain_uuid: '00000000-0000-4000-8000-000000000000' })), 'an unknown name': await hs(claims({ domain_uuid: 'nobody.example' })),
      'a disabled domain': await hs(claims({ domain_uuid: disabled.domainId })), 'a disabled domain by name': await hs(claims({ domain_uuid: 'disabled.example' })),
      'no domain': await hs(GOOD), 'an empty domain': await hs(claims({ domain_uuid: '' })), 'a domain of the wrong type': await hs(claims({ domain_uuid: [acme.domainId] })), 'a NUL for a domain': await hs(claims({ domain_uuid: 'a\0' })),
      'a header that is no JSON': `${Buffer.from('nonsense').toString('base64url')}.${good.split('.').slice(1).join('.')}`, 'three words': 'a.b.c', 'two parts': good.split('.').slice(0, 2).join('.'),
    };
    const answers = await Promise.all([api.ask('GET', '/v1/event'), ...Object.values(tokens).map((token) => ask(token))]);
    expect(Object.fromEntries(Object.keys(tokens).map((name, index) => [name, answers[index + 1]!.status]))).toEqual(Object.fromEntries(Object.keys(tokens).map((name) => [name, 401])));
    expect(new Set(answers.map(({ text, headers }) => text + headers['www-authenticate'])).size).toBe(1);
  });

  it('is refused from the request after its domain was disabled on', async () => {
    const { domainId } = await api.addTenant('soon-disabled.example');
    const token = await hs(claims({ domain_uuid: domainId }));
    expect((await ask(token)).status).toBe(200);
    await api.database.pool.query('update domain set enabled = false where domain_uuid = $1', [domainId]);
    expect((await ask(token)).status).toBe(401);
  });

  it('leaves neither itself nor a claim in the log, and is known there by one name for all its tokens', async () => {
    const tokens = [await hs(claims({ sub: 'secret-subject' })), await hs(claims({ sub: 'secret-subject', jti: '2' })), await hs(claims({ sub: 'another' }))];
    for (const token of tokens) await ask(token);
    const log = JSON.stringify(api.lines);
    for (const word of [...tokens, ...tokens.flatMap((token) => token.split('.').slice(1)), 'secret-subject', GOOD.iss, SECRET]) expect(log).not.toContain(word);
    const names = api.lines.slice(-3).map(({ fields }) => fields.tokenId);
    expect(names[0]).toMatch(/^jwt:[\w-]{16}$/);
    expect([names[1] === names[0], names[2] === names[0]]).toEqual([true, false]);
  });
});

describe('a JWT with the claim of an admin', () => {
  it.each([['a text', 'operator'], ['a list', ['user', 'operator']]])('as %s is an admin’s, whatever its domain', async (_name, role) => {
    const token = await ec.sign(claims({ role, domain_uuid: disabled.domainId }));
    expect((await ask(token, '/v1/admin/domain')).status).toBe(200);
    expect((await api.ask('POST', '/v1/event', { token, headers: JSON_TYPE, body: JSON.stringify({ domain: 'acme.example', event: 'ringing', callback_url: 'https://example.com/' }) })).status).toBe(200);
  });

  it.each([['another value', 'tenant'], ['a longer one', 'operators'], ['an object', { operator: true }]])('but %s is not', async (_name, role) => {
    expect((await ask(await ec.sign(claims({ role })), '/v1/admin/domain')).status).toBe(403);
    expect((await ask(await ec.sign({ ...GOOD, role }), '/v1/admin/domain')).status).toBe(401);
  });
});

it('requests are limited per subject and domain, whatever token it shows', async () => {
  const limited = await startApi({ requestsPerMinute: 2, clock: { ...systemClock, monotonicMs: () => 0 }, jwt: { secret: SECRET } });
  const { domainId } = await limited.addTenant('limited.example');
  const statuses = [];
  for (const [sub, domain_uuid] of [['a', domainId], ['a', 'Limited.example'], ['a', domainId], ['b', domainId]]) {
    statuses.push((await limited.ask('GET', '/v1/event', { token: await hs({ sub: sub!, domain_uuid, jti: String(statuses.length) }) })).status);
  }
  await limited.stop();
  expect(statuses).toEqual([200, 200, 429, 200]);
});

it('is not taken at all without a key, nor HS256 where only public keys are configured', async () => {
  const [none, publicOnly] = [await startApi(), await startApi({ jwt: { jwksFile: join(folder, 'keys.json') } })];
  for (const one of [none, publicOnly]) {
    const { domainId } = await one.addTenant('acme.example');
    expect((await one.ask('GET', '/v1/event', { token: await hs({ domain_uuid: domainId }) })).status).toBe(401);
    expect((await one.ask('GET', '/v1/event', { token: await rsa.sign({ domain_uuid: domainId }) })).status).toBe(one === none ? 401 : 200);
    await one.stop();
  }
});

it('an issuer’s clock may be off by as much as is configured', async () => {
  const tolerant = await startApi({ jwt: { secret: SECRET, clockToleranceSeconds: 100 } });
  const { domainId } = await tolerant.addTenant('acme.example');
  const status = async (more: Claims) => (await tolerant.ask('GET', '/v1/event', { token: await hs({ domain_uuid: domainId, ...more }) })).status;
  expect([await status({ exp: inSeconds(-50) }), await status({ nbf: inSeconds(50) }), await status({ exp: inSeconds(-200) }), await status({ nbf: inSeconds(200) })]).toEqual([200, 200, 401, 401]);
  await tolerant.stop();
});

it.each([
  ['is not there', undefined, 'cannot be read (ENOENT)'], ['is no JSON', '{', 'is not JSON'], ['is no set', '{"kty":"RSA"}', 'is no JWK set: {"keys": [...]}'],
  ['has only a secret key', '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}', 'holds no public key for RS256 (RSA, 2048 bits or more) or ES256 (P-256)'],
])('a file of keys that %s ends the start, and says so', async (_name, content, problem) => {
  const path = join(folder, `bad-${Math.random()}.json`);
  if (content !== undefined) writeFileSync(path, content);
  const opened = openJwt({ secret: '', jwksFile: path, jwksUrl: '', issuer: '', audience: '', domainClaim: 'd', adminClaim: '', adminValue: '', clockToleranceSeconds: 0 }, { clock: systemClock, log: silentLog });
  const thrown = await opened.then(() => undefined, (error: unknown) => error);
  expect(thrown).toBeInstanceOf(ConfigError);
  expect((thrown as ConfigError).faults).toMatchObject([{ key: 'jwt.jwksFile', problem }]);
});

describe('keys at a URL', () => {
  let passedMs = 0;
  const clock = { ...systemClock, monotonicMs: () => passedMs };
  const started: (() => Promise<void>)[] = [];
  afterEach(async () => { for (const stop of started.splice(0)) await stop(); });

  async function start() {
    const issuer = await startKeysServer([rsa.jwk]);
    const one = await startApi({ clock, requestsPerMinute: 1_000, failuresPerMinute: 1_000, jwt: { jwksUrl: issuer.url } });
    started.push(() => one.stop(), () => issuer.down().catch(() => {}));
    const tenant = await one.addTenant('acme.example');
    const status = async (key: { sign: typeof rsa.sign }, header?: { kid?: string }) => (await one.ask('GET', '/v1/event', { token: await key.sign({ domain_uuid: tenant.domainId }, header) })).status;
    const warnings = () => one.lines.filter(({ level, message }) => level === 'warn' && message.startsWith('the keys')).map(({ fields }) => fields.reason);
    return { issuer, one, tenant, status, warnings };
  }

  it('are fetched once for many requests at once, and then kept', async () => {
    const { issuer, status } = await start();
    expect(await Promise.all(Array.from({ length: 10 }, () => status(rsa)))).toEqual(Array.from({ length: 10 }, () => 200));
    passedMs += 500_000;
    expect(await status(rsa)).toBe(200);
    expect(issuer.state.asked).toBe(1);
  });

  it('may change: a token of a new key has them fetched again, but not more often than each 30 s', async () => {
    const { issuer, status } = await start();
    expect([await status(rsa), await status(ec)]).toEqual([200, 401]);
    issuer.state.keys = [ec.jwk];
    expect([await status(ec), issuer.state.asked]).toEqual([401, 1]);
    passedMs += 30_000;
    expect([await status(ec), await status(rsa), issuer.state.asked]).toEqual([200, 401, 2]);
  });

  it('may overlap while they change, also for tokens that do not name theirs', async () => {
    const { issuer, status } = await start();
    issuer.state.keys = [strangeRsa.jwk, { ...rsa.jwk, kid: 'rsa-2' }];
    expect([await status(rsa, {}), await status(strangeRsa, {})]).toEqual([200, 200]);
  });

  it('that are away cost opaque tokens nothing and others a 503, aloud once, until they are there', async () => {
    const { issuer, one, tenant, status, warnings } = await start();
    await issuer.down();
    expect([await status(rsa), await status(rsa)]).toEqual([503, 503]);
    expect((await one.ask('GET', '/v1/event', { token: tenant.token })).status).toBe(200);
    expect((await one.ask('GET', '/v1/event', { token: await rsa.sign({ domain_uuid: tenant.domainId }) })).headers).toMatchObject({ 'retry-after': '5', 'content-type': 'application/problem+json' });
    passedMs += 5_000;
    expect(await status(rsa)).toBe(503);
    expect(warnings()).toEqual(['ECONNREFUSED']);
    await issuer.up();
    passedMs += 5_000;
    expect(await status(rsa)).toBe(200);
    expect(one.lines.map(({ message }) => message)).toContain('the keys of JWTs are fetched again');
  });

  it('that go away later are used on for a day', async () => {
    const { issuer, status } = await start();
    expect(await status(rsa)).toBe(200);
    await issuer.down();
    passedMs += 86_000_000;
    expect([await status(rsa), await status(ec)]).toEqual([200, 503]);
    passedMs += 1_000_000;
    expect(await status(rsa)).toBe(503);
  });

  it('that never answer let nobody wait for long', async () => {
    const { issuer, status, warnings } = await start();
    issuer.state.answer = 'silence';
    expect(await status(rsa)).toBe(503);
    expect([warnings(), issuer.state.asked]).toEqual([['no answer within 2000 ms'], 1]);
    expect([await status(rsa), issuer.state.asked]).toEqual([503, 1]); // the next one does not even ask
  });

  it.each([
    ['an error', { status: 500, body: '' }, 'the set is answered with status 500'], ['a page', { status: 200, body: '<html>' }, 'the set is not JSON'],
    ['an endless answer', { status: 200, body: ' '.repeat(1_100_000) }, 'the set is longer than 1048576 bytes'], ['no key', { status: 200, body: '{"keys":[]}' }, /^the set holds no public key/],
    ['a redirect', { status: 302, body: '', location: 'http://127.0.0.1:1/' }, expect.any(String)],
  ])('that come as %s are none', async (_name, answer, reason) => {
    const { issuer, status, warnings } = await start();
    issuer.state.answer = answer;
    expect(await status(rsa)).toBe(503);
    expect(warnings()).toEqual([reason instanceof RegExp ? expect.stringMatching(reason) : reason]);
    issuer.state.answer = 'keys';
    passedMs += 5_000;
    expect(await status(rsa)).toBe(200);
  });
});

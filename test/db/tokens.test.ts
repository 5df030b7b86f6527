import { createHash } from 'node:crypto';
import { addDomain } from '../../src/db/tenants.js';
import { findToken, insertToken, listTokens, revokeToken, touchToken } from '../../src/db/tokens.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';

const NOBODY = '00000000-0000-4000-8000-000000000000';

let database: TestDatabase;
beforeAll(async () => { database = await createDatabase(); });
afterAll(() => database.drop());
beforeEach(() => database.pool.query('truncate domain cascade'));

const hash = (token: string) => createHash('sha256').update(token).digest();
const insert = (token: string, domainId: string | null = null, expiresAt: Date | null = null) =>
  insertToken(database.pool, { sha256: hash(token), label: token, domainId, expiresAt });
const find = (token: string) => findToken(database.pool, hash(token));
const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000);

it('is an admin\'s or one tenant\'s', async () => {
  const { domain } = await addDomain(database.pool, 'acme.example');
  const [admins, tenants] = [await insert('a'), await insert('t', domain.id, inMinutes(5))];
  expect(await find('a')).toEqual({ kind: 'valid', id: admins, scope: { kind: 'admin' } });
  expect(await find('t')).toEqual({ kind: 'valid', id: tenants, scope: { kind: 'tenant', domain: { id: domain.id, name: 'acme.example', enabled: true } } });
  await expect(database.pool.query(`update api_token set is_admin = true where token_uuid = $1`, [tenants])).rejects.toMatchObject({ code: '23514' });
  await expect(database.pool.query(`update api_token set domain_uuid = null where token_uuid = $1`, [tenants])).rejects.toMatchObject({ code: '23514' });
});

it('is unknown, expired or revoked, and revoked wins', async () => {
  await insert('old', null, inMinutes(-1));
  const both = await insert('both', null, inMinutes(-1));
  expect(await revokeToken(database.pool, both)).toBe(true);
  expect(await find('never')).toEqual({ kind: 'unknown' });
  expect(await find('old')).toEqual({ kind: 'expired' });
  expect(await find('both')).toEqual({ kind: 'revoked' });
});

it('is revoked for good: a second time keeps the first date', async () => {
  const id = await insert('a');
  await revokeToken(database.pool, id);
  const [first] = await listTokens(database.pool);
  expect(await revokeToken(database.pool, id)).toBe(true);
  expect(await listTokens(database.pool)).toEqual([first]);
  expect(first!.revokedAt).toBeInstanceOf(Date);
  expect(await revokeToken(database.pool, NOBODY)).toBe(false);
});

it('says whether its tenant is disabled, and goes with him', async () => {
  const { domain } = await addDomain(database.pool, 'acme.example');
  await insert('t', domain.id);
  await database.pool.query('update domain set enabled = false');
  expect(await find('t')).toMatchObject({ kind: 'valid', scope: { domain: { enabled: false } } });
  await database.pool.query('delete from domain');
  expect(await find('t')).toEqual({ kind: 'unknown' });
});

it('has its use noted once a minute', async () => {
  const id = await insert('a');
  const lastUsed = async () => (await listTokens(database.pool))[0]!.lastUsedAt?.getTime();
  expect(await lastUsed()).toBeUndefined();
  await touchToken(database.pool, id);
  const first = await lastUsed();
  await touchToken(database.pool, id);
  expect(await lastUsed()).toBe(first);
  await database.pool.query(`update api_token set last_used_at = now() - interval '61 seconds'`);
  await touchToken(database.pool, id);
  expect(await lastUsed()).toBeGreaterThanOrEqual(first!);
});

it('is listed for all or for one tenant, and never with its hash', async () => {
  const [acme, other] = [(await addDomain(database.pool, 'acme.example')).domain, (await addDomain(database.pool, 'other.example')).domain];
  await insert('admin');
  await insert('mine', acme.id);
  await insert('theirs', other.id);
  expect((await listTokens(database.pool)).map(({ label }) => label).sort()).toEqual(['admin', 'mine', 'theirs']);
  const [mine, ...rest] = await listTokens(database.pool, acme.id);
  expect(rest).toEqual([]);
  const { id, createdAt, ...shown } = mine!;
  expect(shown).toEqual({ label: 'mine', isAdmin: false, domainId: acme.id, domainName: 'acme.example', expiresAt: null, lastUsedAt: null, revokedAt: null });
  expect(await find('mine')).toMatchObject({ id });
  expect(createdAt).toBeInstanceOf(Date);
});

it('is refused without a 32-byte hash, a second time, or for nobody', async () => {
  await insert('a');
  await expect(insert('a')).rejects.toMatchObject({ code: '23505' });
  await expect(insertToken(database.pool, { sha256: Buffer.alloc(31), label: '', domainId: null, expiresAt: null })).rejects.toMatchObject({ code: '23514' });
  await expect(insert('b', NOBODY)).rejects.toMatchObject({ code: '23503' });
  await expect(insert('c', 'x')).rejects.toThrow('needs the uuid');
});

it('an id that is no uuid names nothing', async () => {
  await insert('a');
  expect(await revokeToken(database.pool, 'x')).toBe(false);
  expect(await listTokens(database.pool, 'x')).toEqual([]);
  await expect(touchToken(database.pool, 'x')).resolves.toBeUndefined();
});

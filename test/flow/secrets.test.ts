import { Webhook } from 'standardwebhooks';
import { addDomain } from '../../src/db/tenants.js';
import { insertToken } from '../../src/db/tokens.js';
import { hashToken, newToken } from '../../src/http/token.js';
import { newKey, vaultOf } from '../../src/seal.js';
import type { Post } from '../support/receiver.js';
import { newCall, start } from './flow.js';

const [oldKey, freshKey] = [newKey(), newKey()];
const prefix = (key: string) => vaultOf([key]).prefix!;
const TENANT = 'a.example.test';

let flow: Awaited<ReturnType<typeof start>>;
let token: string;
let id: string;
beforeEach(async () => {
  flow = await start({ HOOKSWITCH_ENCRYPTION_KEYS: oldKey, HOOKSWITCH_RETRY_MS: Array(1_000).fill(10).join(',') });
  const { pool } = flow.database;
  const { domain } = await addDomain(pool, TENANT);
  token = newToken();
  await insertToken(pool, { sha256: hashToken(token), label: '', domainId: domain.id, expiresAt: null });
  id = (await pool.query<{ id: string }>('select event_domain_uuid as id from event_domain where domain_uuid = $1', [domain.id])).rows[0]!.id;
});
afterEach(() => flow.stop());

interface Shown { secret: string; previous_valid_until: string | null }
async function secret(body?: object): Promise<Shown> {
  const post = body && { method: 'POST', body: JSON.stringify(body) };
  const answer = await fetch(`${flow.daemon.api}/v1/event/${id}/secret`, { headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) }, ...post });
  expect(answer.status).toBe(200);
  return await answer.json() as Shown;
}

/** As a receiver of the tenant would do it; throws unless it is right. */
const verify = (post: Post, by: string) => new Webhook(by).verify(post.body, post.headers as Record<string, string>);
const isRight = (post: Post, by: string) => { try { verify(post, by); return true; } catch { return false; } };

async function play(name = 'calls/06-inbound-ext-answered'): Promise<void> {
  await flow.pbx.replay.play((await newCall(name)).recording, { pace: 'full' });
}

const stored = async () => (await flow.database.pool.query<{ stored: string }>(
  `select callback_apikey as stored from event_domain where callback_apikey <> '' union all select secret from receiver union all select previous_secret from receiver where previous_secret is not null`))
  .rows.map((row) => row.stored);

it('signs each attempt with the secret that the owner is shown, and with two while a rotation lasts', async () => {
  const { receiver } = flow;
  const { secret: first } = await secret();
  receiver.answerWith(503, 503);
  await play();
  await receiver.until(() => receiver.posts.some(({ headers }) => headers['x-hookswitch-event'] === 'cdr'));
  expect(receiver.posts.filter(({ headers }) => headers['x-hookswitch-attempt'] !== '1').length).toBeGreaterThan(0);
  for (const post of receiver.posts) expect(verify(post, first)).toEqual(JSON.parse(post.body));

  const { secret: second } = await secret({});
  const { secret: third } = await secret({ overlap_seconds: 600 });
  await committedBy(third);
  const before = receiver.posts.length;
  await play();
  await receiver.until(() => receiver.posts.slice(before).some(({ headers }) => headers['x-hookswitch-event'] === 'cdr'));
  for (const post of receiver.posts.slice(before)) expect([first, second, third].map((by) => isRight(post, by))).toEqual([false, true, true]);
});

/** The directory follows a rotation a moment after it was answered: here, when a webhook carries its signature. */
async function committedBy(by: string): Promise<void> {
  const { receiver } = flow;
  for (let signed = false; !signed;) {
    const from = receiver.posts.length;
    await play('calls/15-local-call');
    await receiver.until(() => receiver.posts.slice(from).some(({ headers }) => headers['x-hookswitch-event'] === 'cdr'));
    signed = isRight(receiver.posts.at(-1)!, by);
  }
}

it('seals what tools write plainly, goes on while keys are rotated, and puts off what it has lost the key of', async () => {
  const { receiver, database: { pool } } = flow;
  const { secret: mine } = await secret();
  await pool.query(`update event_domain set callback_apikey = 'hunter2' where domain_name = $1`, [TENANT]);
  expect(await flow.daemon.stop()).toBe(0);
  await flow.restart({ HOOKSWITCH_ENCRYPTION_KEYS: `${freshKey},${oldKey}` });
  await flow.daemon.said('keys and secrets that were stored unsealed are sealed', ({ sealed }) => sealed === 4);
  expect(new Set((await stored()).map((text) => text.slice(0, prefix(oldKey).length)))).toEqual(new Set([prefix(oldKey), prefix(freshKey)]));
  await play();
  await receiver.until(() => receiver.posts.some(({ headers }) => headers['x-hookswitch-event'] === 'cdr'));
  for (const post of receiver.posts) {
    expect(post.headers.authorization).toBe('Bearer hunter2');
    verify(post, mine);
  }

  expect(await flow.daemon.stop()).toBe(0);
  const before = receiver.posts.length;
  await flow.restart({ HOOKSWITCH_ENCRYPTION_KEYS: newKey() });
  const line = await flow.daemon.said('sealed with a key that is not configured');
  expect([prefix(oldKey), prefix(freshKey)]).toContain(`sealed:1:${String(line['keyId'])}:`);
  await play();
  for (let waiting = 0; waiting === 0;) { // each turn asks the database, which is a round trip and not a wait
    waiting = (await pool.query<{ n: number }>(`select count(*)::integer as n from delivery where attempt > 1 and last_reason like 'sealed with key %'`)).rows[0]!.n;
  }
  expect(receiver.posts).toHaveLength(before);
  expect(await (await fetch(`${flow.daemon.api}/metrics`)).text()).toMatch(/^hookswitch_attempts_locked_total [1-9]/m);

  expect(await flow.daemon.stop()).toBe(0);
  await flow.restart({ HOOKSWITCH_ENCRYPTION_KEYS: `${freshKey},${oldKey}` });
  await receiver.until(() => receiver.posts.slice(before).some(({ headers }) => headers['x-hookswitch-event'] === 'cdr'));
  for (const post of receiver.posts) verify(post, mine);
  expect(JSON.stringify(flow.daemon.lines)).not.toMatch(/hunter2|whsec_|sealed:1:/);
});

import { append } from '../../src/db/outbox-append.js';
import { claim, FIRST_DAY } from '../../src/db/outbox-claim.js';
import { putCdrFirst } from '../../src/db/outbox-probe.js';
import type { NewDelivery } from '../../src/db/outbox.js';
import { urlKey } from '../../src/webhook/identity.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { promiseTo } from '../delivery/promise.js';

const URL = 'http://a.example/hook';
const OTHER = 'http://b.example/hook';
const us = { daemonId: 1, holdMs: 600_000, since: FIRST_DAY };

let db: TestDatabase;
beforeAll(async () => { db = await createDatabase(); });
afterAll(() => db.drop());
beforeEach(() => db.pool.query('truncate delivery'));

/** One after another, each due a second later than the one before; the last one is due now. */
async function wait(...deliveries: NewDelivery[]): Promise<void> {
  await append(db.pool, deliveries.map((delivery) => ({ delivery, lease: false })), us);
  for (const [index, { id }] of deliveries.entries()) {
    await db.pool.query(`update delivery set due_at = now() - $2 * interval '1 s' where id = $1`, [id, deliveries.length - 1 - index]);
  }
}

const cdr = (flow: string, position = 1, url = URL) => promiseTo(url, flow, position, { event: 'cdr' });
const ringing = (flow: string, url = URL) => promiseTo(url, flow, 1);
const probe = async (...urls: string[]) => {
  await putCdrFirst(db.pool, urls.map(urlKey), FIRST_DAY);
  const claimed = await claim(db.pool, urls.map((url) => ({ urlKey: urlKey(url), room: 1 })), us);
  return claimed.map(({ body, event }) => `${(JSON.parse(body) as { flow: string }).flow} ${event}`).sort();
};

it.each([
  ['the oldest cdr', [ringing('a'), ringing('b'), cdr('c'), cdr('d')], 'c cdr'],
  ['the oldest of all where there is no cdr', [ringing('a'), ringing('b')], 'a call.ringing'],
  ['no cdr with something of its call before it', [ringing('a'), ringing('b'), cdr('b', 2)], 'a call.ringing'],
  ['the cdr that is first anyway', [cdr('a'), ringing('b'), cdr('c')], 'a cdr'],
])('a probe is %s', async (_name, deliveries, expected) => {
  await wait(...deliveries);
  expect(await probe(URL)).toEqual([expected]);
});

it('each of several URLs is tried with its own', async () => {
  await wait(ringing('a'), ringing('b', OTHER), cdr('c'), cdr('d', 1, OTHER));
  expect(await probe(URL, OTHER)).toEqual(['c cdr', 'd cdr']);
});

it('a cdr whose time has not come is left alone', async () => {
  await wait(ringing('a'), cdr('b'));
  await db.pool.query(`update delivery set due_at = now() + interval '1 hour' where event = 'cdr'`);
  expect(await probe(URL)).toEqual(['a call.ringing']);
});

it('two at once take two, or one of them nothing', async () => {
  await wait(ringing('a'), ringing('b'), cdr('c'), cdr('d'));
  const taken = (await Promise.all([probe(URL), probe(URL)])).flat();
  expect(new Set(taken).size).toBe(taken.length);
  expect(taken).toContain('c cdr');
});

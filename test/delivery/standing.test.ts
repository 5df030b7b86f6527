import { systemClock } from '../../src/clock.js';
import { Standing } from '../../src/delivery/standing.js';
import { createOperatorWebhook } from '../../src/delivery/operator-webhook.js';
import type { OperatorEvent } from '../../src/delivery/operator-webhook.js';
import type { Verdict } from '../../src/delivery/receivers.js';
import { upsertSubscription } from '../../src/db/subscriptions.js';
import { addDomain } from '../../src/db/tenants.js';
import { createMetrics } from '../../src/metrics.js';
import { createAddressPolicy } from '../../src/webhook/address.js';
import { createSender } from '../../src/webhook/send.js';
import { newSecret, sign, SigningKey } from '../../src/webhook/sign.js';
import { Webhook } from 'standardwebhooks';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { startReceiver, type Receiver } from '../support/receiver.js';
import { silentLog } from '../support/silent-log.js';

const URL = 'https://a.example/hook';
const running = new AbortController().signal;

let db: TestDatabase;
let domainId: string;
let subscriptionId: string;
let parts: { stop(): Promise<void> }[];
beforeAll(async () => { db = await createDatabase(); });
afterAll(() => db.drop());
beforeEach(async () => {
  parts = [];
  await db.pool.query('truncate domain cascade');
  domainId = (await addDomain(db.pool, 'acme.example')).domain.id;
  subscriptionId = (await upsertSubscription(db.pool, domainId, 'cdr', URL, ''))!.id;
  await db.pool.query(`insert into receiver (domain_uuid, callback_url, secret) values ($1, $2, 'whsec_') on conflict do nothing`, [domainId, URL]);
});
afterEach(async () => { await Promise.all(parts.map((part) => part.stop())); });

/** A daemon's standing, and what it tells. */
async function start(disableAfterMs = 432_000_000) {
  const metrics = createMetrics();
  const told: OperatorEvent[] = [];
  let wake = () => {};
  const standing = new Standing({ db: db.pool, clock: systemClock, log: silentLog, metrics, random: () => 0.5, tell: (event) => { told.push(event); wake(); } }, { disableAfterMs, everyMs: 20 });
  parts.push({ stop: () => standing.stop(running) });
  await standing.start();
  return {
    standing, metrics, told,
    until: async (count: number) => { while (told.length < count) await new Promise<void>((resolve) => { wake = resolve; }); },
  };
}

const delivery = () => ({ domainId, url: URL, subscriptionId });
const failure: Verdict = { kind: 'retry', reason: 'status 500', status: 500, afterMs: 1, health: { kind: 'failed', reason: 'status 500', askedMs: 0 } };
const gone: Verdict = { kind: 'disabled', reason: 'status 410', status: 410, health: { kind: 'well' } };
const disabled = async () => (await db.pool.query<{ reason: string }>('select disabled_reason as reason from event_domain where not enabled')).rows.map(({ reason }) => reason);

it('a tenant whose URL has failed for days is disabled by its next failure, and one of two daemons tells it', async () => {
  await db.pool.query(`update receiver set failing_since = now() - interval '5 days'`);
  const [a, b] = [await start(), await start()];
  a.standing.observe(delivery(), failure);
  b.standing.observe(delivery(), failure);
  await Promise.race([a.until(1), b.until(1)]);
  await Promise.all(parts.splice(0).map((part) => part.stop()));
  expect(await disabled()).toEqual([expect.stringMatching(/^nothing but failures since .* UTC: status 500$/)]);
  expect([...a.told, ...b.told]).toEqual([{
    type: 'subscription.disabled',
    data: { event_domain_uuid: subscriptionId, domain_uuid: domainId, domain_name: 'acme.example', event_name: 'cdr', callback_url: URL, reason: expect.stringMatching(/status 500$/) as string },
  }]);
});

it('a success in between saves it', async () => {
  await db.pool.query(`update receiver set failing_since = now() - interval '5 days'`);
  const { standing } = await start();
  standing.observe(delivery(), { kind: 'delivered', status: 200, health: { kind: 'well' } });
  standing.observe(delivery(), failure);
  await Promise.all(parts.splice(0).map((part) => part.stop()));
  expect(await disabled()).toEqual([]);
  expect((await db.pool.query(`select from receiver where failing_since > now() - interval '1 minute'`)).rowCount).toBe(1);
});

it('a receiver that wants no more is obeyed at once, and who enables it again is told of, too', async () => {
  const { standing, until, told, metrics } = await start();
  standing.observe(delivery(), gone);
  await until(1);
  expect(await disabled()).toEqual(['status 410']);
  await upsertSubscription(db.pool, domainId, 'cdr', URL, '');
  await until(2);
  expect(told.map(({ type }) => type)).toEqual(['subscription.disabled', 'subscription.enabled']);
  await db.pool.query('update event_domain set enabled = false');
  await until(3);
  expect(told[2]!.data['reason']).toBeNull();
  expect((await metrics.disabled.get()).values.map(({ labels, value }) => [labels.reason, value]).filter(([, value]) => value !== 0)).toEqual([['receiver', 1], ['tenant', 1]]);
  expect((await metrics.enabled.get()).values[0]!.value).toBe(1);
});

describe("the operator's webhook", () => {
  let receiver: Receiver;
  beforeEach(async () => { receiver = await startReceiver(); });
  afterEach(() => receiver.close());

  function open(secret: string, log = silentLog) {
    const sender = createSender({ policy: createAddressPolicy({ allow: ['127.0.0.1'] }) });
    const key = SigningKey.of(secret);
    let count = 0;
    const webhook = createOperatorWebhook({
      send: (request, signal) => sender.send(request, signal), clock: { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms === 3_600_000 ? ms : 1, signal) },
      log, random: () => 0.5, newId: () => `id-${++count}`, ...(key !== undefined && { sign: (message) => sign(message, [key]) }),
    }, { url: receiver.url, userAgent: 'hookswitch/test' });
    parts.push({ stop: async () => { await webhook.stop(AbortSignal.abort()); sender.close(); } });
    return webhook;
  }

  it('is signed as Standard Webhooks are, and sent again under the same id until it is taken', async () => {
    const secret = newSecret();
    const webhook = open(secret);
    await webhook.start();
    receiver.answerWith(500, 'reset', 204);
    webhook.tell({ type: 'subscription.enabled', data: { domain_name: 'zoë.example', reason: null } });
    webhook.tell({ type: 'subscription.disabled', data: {} });
    await receiver.received(4);
    expect(receiver.posts.map(({ headers }) => headers['webhook-id'])).toEqual(['id-1', 'id-1', 'id-1', 'id-2']);
    const { body, headers } = receiver.posts[2]!;
    expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toMatchObject({ type: 'subscription.enabled', data: { domain_name: 'zoë.example', reason: null } });
    expect((JSON.parse(body) as { timestamp: string }).timestamp).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
  });

  it('keeps a thousand messages and says which it gave up', async () => {
    const given: unknown[] = [];
    const webhook = open('', { ...silentLog, warn: (_message, fields) => { given.push(fields?.['id']); } });
    for (let count = 0; count < 1_002; count += 1) webhook.tell({ type: 'subscription.enabled', data: {} });
    expect(given).toEqual(['id-1', 'id-2']);
    await webhook.start();
    await receiver.received(1_000);
    expect(receiver.posts[0]!.headers).not.toHaveProperty('webhook-signature');
  });
});

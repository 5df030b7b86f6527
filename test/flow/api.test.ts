import { upsertSubscription } from '../../src/db/subscriptions.js';
import { addDomain } from '../../src/db/tenants.js';
import { insertToken } from '../../src/db/tokens.js';
import { hashToken, newToken } from '../../src/http/token.js';
import { laneKey } from '../../src/webhook/identity.js';
import { tell } from '../api/history.js';
import { startDaemon, type DaemonProcess } from '../support/daemon.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { startReceiver, type Post, type Receiver } from '../support/receiver.js';

let database: TestDatabase;
let daemon: DaemonProcess;
let receivers: Receiver[];
const start = () => startDaemon({ DATABASE_URL: database.url, HOOKSWITCH_SWITCH_PORT: '9', HOOKSWITCH_NAME: 'api', HOOKSWITCH_RETRY_MS: '50' });

beforeAll(async () => {
  database = await createDatabase();
  receivers = [];
  daemon = await start();
});
afterAll(async () => {
  await daemon.stop('SIGKILL');
  for (const receiver of receivers) await receiver.close();
  await database.drop();
});

let counter = 0;

/** A tenant with one subscription, at a receiver of its own. */
async function tenant() {
  const receiver = await startReceiver();
  receivers.push(receiver);
  const { domain: { id: domainId } } = await addDomain(database.pool, `flow${++counter}.example`);
  const token = newToken();
  await insertToken(database.pool, { sha256: hashToken(token), label: '', domainId, expiresAt: null });
  const { id } = (await upsertSubscription(database.pool, domainId, 'cdr', receiver.url, ''))!;
  async function ask<T>(method: string, path: string, body?: object): Promise<{ status: number; json: T }> {
    const response = await fetch(daemon.api + path, { method, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, ...(body && { body: JSON.stringify(body) }) });
    return { status: response.status, json: await response.json() as T };
  }
  return { receiver, domainId, id, ask };
}

interface Delivery { delivery_id: string; event: string; state: string; synthetic?: string; attempts: unknown }
interface Test { call_id: string; flow_id: string; deliveries: string[] }
interface Replay { replay_id: string; state: string; matched: number; replayed: number }

const idOf = ({ headers }: Post) => headers['webhook-id'] as string;
const bodyOf = ({ body }: Post) => JSON.parse(body) as Record<string, unknown>;

describe('a test call', () => {
  it('is told in order, marked, and seen in the history like any other; there is one at a time', async () => {
    const { receiver, id, ask } = await tenant();
    receiver.answerWith('hang');
    const begun = await ask<Test>('POST', `/v1/event/${id}/test`);
    expect(begun.status).toBe(202);
    await receiver.received(1);
    expect((await ask('POST', `/v1/event/${id}/test`)).status).toBe(429);
    receiver.releaseHung();
    await receiver.received(4);

    const { call_id, flow_id, deliveries } = begun.json;
    expect(receiver.posts.map(idOf)).toEqual(deliveries);
    expect(receiver.posts.map(({ headers }) => [headers['x-hookswitch-event'], headers['x-hookswitch-sequence'], headers['x-hookswitch-synthetic']])).toEqual(
      [['ringing', '1', 'test'], ['answered', '2', 'test'], ['hangup', '3', 'test'], ['cdr', '4', 'test']]);
    expect(receiver.posts.map(bodyOf).map(({ call_id: call, state, direction, from_number }) => ({ call, state, direction, from_number }))).toEqual(
      ['ringing', 'answered', 'hangup', 'cdr'].map((state) => ({ call: call_id, state, direction: 'inbound', from_number: '+12025550143' })));
    const { json: call } = await ask<{ deliveries: Delivery[] }>('GET', `/v1/call/${flow_id}`);
    expect(call.deliveries.map(({ delivery_id, event, synthetic }) => ({ delivery_id, event, synthetic }))).toEqual(
      ['ringing', 'answered', 'hangup', 'cdr'].map((event, index) => ({ delivery_id: deliveries[index], event, synthetic: 'test' })));
  });

  it('has the format that the subscription has', async () => {
    const { receiver, id, ask } = await tenant();
    await ask('PATCH', `/v1/event/${id}`, { format: 'v2' });
    const { json: { flow_id } } = await ask<Test>('POST', `/v1/event/${id}/test`);
    await receiver.received(4);
    expect(bodyOf(receiver.posts[3]!)).toMatchObject({ id: idOf(receiver.posts[3]!), type: 'cdr', synthetic: 'test', data: { call_id: flow_id, flow_id, state: 'cdr', hangup_party: 'caller' } });
  });

  it('is not for a disabled subscription, and not for more than ten a minute', async () => {
    const { receiver, id, ask } = await tenant();
    await ask('PATCH', `/v1/event/${id}`, { enabled: false });
    expect((await ask('POST', `/v1/event/${id}/test`)).status).toBe(409);
    await ask('PATCH', `/v1/event/${id}`, { enabled: true });
    receiver.otherwise('hang');
    const statuses: number[] = [];
    for (let n = 0; n < 11; n++) statuses.push((await ask('POST', `/v1/event/${id}/test`)).status);
    expect(statuses).toEqual([202, ...Array.from({ length: 10 }, () => 429)]);
    receiver.releaseHung();
  });
});

it('a delivery that was given up is sent once more on request, as the same webhook', async () => {
  const { receiver, domainId, id, ask } = await tenant();
  const delivery = await tell(database.pool, { domainId, subscriptionId: id, url: receiver.url, state: 'abandoned', attempts: 9, body: '{"a":1}' });
  expect((await ask('POST', `/v1/delivery/${delivery}/retry`)).status).toBe(202);
  const post = await receiver.next();
  expect([idOf(post), post.body]).toEqual([delivery, '{"a":1}']);
});

describe('a replay', () => {
  const CALLS = 300;
  const WEBHOOKS = 4;

  /** A history of calls of which no webhook arrived. */
  async function history({ receiver, domainId, id }: Awaited<ReturnType<typeof tenant>>): Promise<string[]> {
    const at = (n: number) => new Date(Date.now() - 3_600_000 + n);
    const flows = Array.from({ length: CALLS }, (_, n) => `${id} ${n}`);
    await Promise.all(flows.map(async (flowId, n) => {
      for (let sequence = 1; sequence <= WEBHOOKS; sequence++) await tell(database.pool, { domainId, subscriptionId: id, url: receiver.url, flowId, sequence, state: 'expired', at: at(n + sequence), body: JSON.stringify({ flowId, sequence }) });
    }));
    expect(new Set(flows.map((flowId) => laneKey(receiver.url, flowId))).size).toBe(CALLS);
    return flows;
  }

  /** The order in which each flow's webhooks came first. */
  function ordersOf(posts: readonly Post[]): Map<unknown, unknown[]> {
    const orders = new Map<unknown, unknown[]>();
    for (const { flowId, sequence } of posts.map(bodyOf)) {
      const order = orders.get(flowId) ?? [];
      if (!order.includes(sequence)) order.push(sequence);
      orders.set(flowId, order);
    }
    return orders;
  }

  it('sends all that fits, each call in its order, and goes on where a daemon dies', async () => {
    const me = await tenant();
    const flows = await history(me);
    const kept = await tell(database.pool, { domainId: me.domainId, subscriptionId: me.id, url: me.receiver.url, state: 'delivered', at: new Date(Date.now() - 60_000) });
    const begun = await me.ask<Replay>('POST', '/v1/replay', { subscription: me.id });
    expect(begun.status).toBe(202);
    const second = await me.ask<Replay>('POST', '/v1/replay', { subscription: me.id });
    expect([second.status, second.json.replay_id]).toEqual([409, begun.json.replay_id]);

    await me.receiver.received(1);
    await daemon.stop('SIGKILL');
    daemon = await start();
    await daemon.said('replay finished', (line) => line['replay'] === begun.json.replay_id);
    await me.receiver.until(() => new Set(me.receiver.posts.map(idOf)).size === CALLS * WEBHOOKS);
    expect(ordersOf(me.receiver.posts)).toEqual(new Map(flows.map((flowId) => [flowId, [1, 2, 3, 4]])));
    expect(me.receiver.posts.map(idOf)).not.toContain(kept);
    expect((await me.ask<Replay>('GET', `/v1/replay/${begun.json.replay_id}`)).json).toMatchObject({ state: 'finished', matched: CALLS * WEBHOOKS, replayed: CALLS * WEBHOOKS });
  });

  it.each([
    [{ call_id: 'wanted' }, ['held', 'expired']], [{ number: '+12025550199', states: ['delivered'] }, ['delivered']],
    [{ from: new Date(Date.now() - 90_000).toISOString(), to: new Date(Date.now() - 30_000).toISOString() }, ['held']], [{ call_id: 'nothing' }, []],
  ])('takes what is asked for: %j', async (wish, expected) => {
    const me = await tenant();
    const told = { domainId: me.domainId, subscriptionId: me.id, url: me.receiver.url };
    await tell(database.pool, { ...told, state: 'held', callId: 'wanted', at: new Date(Date.now() - 60_000), body: '{"state":"held"}' });
    await tell(database.pool, { ...told, state: 'expired', callId: 'wanted', at: new Date(Date.now() - 120_000), body: '{"state":"expired"}' });
    await tell(database.pool, { ...told, state: 'delivered', from: '+12025550199', at: new Date(Date.now() - 120_000), body: '{"state":"delivered"}' });
    const { json: { replay_id } } = await me.ask<Replay>('POST', '/v1/replay', wish);
    const line = await daemon.said('replay finished', ({ replay }) => replay === replay_id);
    await me.receiver.received(expected.length);
    expect(me.receiver.posts.map((post) => bodyOf(post).state).sort()).toEqual([...expected].sort());
    expect([line['replayed'], (await me.ask<Replay>('GET', `/v1/replay/${replay_id}`)).json]).toMatchObject([expected.length, { state: 'finished', matched: expected.length }]);
  });

  it.each([[{}, ''], [{ states: ['held'] }, ''], [{ to: '2026-01-01T00:00:00Z' }, ''], [{ subscription: 'x' }, 'subscription'], [{ subscription: '00000000-0000-4000-8000-000000000000' }, 'subscription'],
    [{ number: '1', states: ['pending'] }, 'states'], [{ number: '1', states: [] }, 'states'], [{ from: 'yesterday' }, 'from'], [{ number: 7 }, 'number'], [{ subscripton: 'x', number: '1' }, 'subscripton']])(
    'is refused where it does not say what to send: %j', async (wish, field) => {
      const { ask } = await tenant();
      const { status, json } = await ask<{ errors: { field: string }[] }>('POST', '/v1/replay', wish);
      expect([status, json.errors.map((error) => error.field)]).toEqual([400, [field]]);
    });
});

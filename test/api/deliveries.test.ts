import { randomUUID } from 'node:crypto';
import { tell, tried, type Told } from './history.js';
import { startApi, type Api } from './support.js';

let api: Api;
let admin: string;
beforeAll(async () => {
  api = await startApi({ requestsPerMinute: 100_000 });
  admin = (await api.addToken(null)).token;
});
afterAll(() => api.stop());

let counter = 0;
async function tenant() {
  const name = `history${++counter}.example`;
  const { token, domainId } = await api.addTenant(name);
  return { name, token, domainId, tell: (told: Partial<Told> = {}) => tell(api.database.pool, { domainId, ...told }) };
}

interface Page { data: Record<string, unknown>[]; next_cursor: string | null }
const page = async (token: string, query = '') => (await api.ask('GET', `/v1/delivery${query}`, { token })).json as Page;
const ids = async (token: string, query = '') => (await page(token, query)).data.map((row) => row.delivery_id);
const show = async (token: string, id: string) => (await api.ask('GET', `/v1/delivery/${id}`, { token })).json as Record<string, unknown>;
const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);

describe('GET /v1/delivery', () => {
  it('shows what is known of each', async () => {
    const me = await tenant();
    const [subscriptionId, flowId, at] = [randomUUID(), randomUUID(), minutesAgo(1)];
    const waiting = await me.tell({ subscriptionId, flowId, at: minutesAgo(2), state: 'pending', attempts: 0 });
    const ended = await me.tell({ subscriptionId, flowId, at, event: 'cdr', state: 'abandoned', sequence: 2, attempts: 9, synthetic: 'lost' });
    expect(await page(me.token)).toEqual({
      data: [
        {
          delivery_id: ended, event_domain_uuid: subscriptionId, event: 'cdr', state: 'abandoned', call_id: flowId, flow_id: flowId, callback_url: 'https://example.com/hook', sequence: 2,
          attempts: 9, last_status: null, last_reason: 'status 500', from_number: '+12025550143', to_number: '1001', occurred_at: at.toISOString(), created_at: at.toISOString(),
          settled_at: at.toISOString(), synthetic: 'lost',
        },
        expect.objectContaining({ delivery_id: waiting, state: 'pending', due_at: expect.any(String) as string }),
      ],
      next_cursor: null,
    });
    expect((await page(me.token)).data[1]).not.toHaveProperty('settled_at');
  });

  it('finds by each of its parameters, and by all of them together', async () => {
    const me = await tenant();
    const [subscriptionId, flowId] = [randomUUID(), randomUUID()];
    const wanted = await me.tell({ subscriptionId, flowId, callId: 'a call', event: 'hangup', state: 'expired', from: '+12025550199', at: minutesAgo(10) });
    const callee = await me.tell({ to: '+12025550199', at: minutesAgo(20) });
    const other = await me.tell({ at: minutesAgo(30) });
    const cases: [string, string[]][] = [
      ['event=hangup', [wanted]], ['state=expired', [wanted]], ['state=expired,delivered', [wanted, callee, other]], ['call_id=a%20call', [wanted]], ['number=%2B12025550199', [wanted, callee]],
      ['number=+12025550199', [wanted, callee]], [`subscription=${subscriptionId}`, [wanted]], [`from=${minutesAgo(15).toISOString()}`, [wanted]], [`to=${minutesAgo(15).toISOString()}`, [callee, other]],
      [`from=${minutesAgo(25).toISOString()}&to=${minutesAgo(15).toISOString()}`, [callee]], ['event=nothing', []], ['call_id=nothing', []],
    ];
    for (const [query, expected] of cases) expect([query, await ids(me.token, `?${query}`)]).toEqual([query, expected]);
    expect(await ids(me.token, `?${['event=hangup', 'state=expired', 'call_id=a%20call', 'number=%2B12025550199', `subscription=${subscriptionId}`].join('&')}`)).toEqual([wanted]);
    expect(await ids(me.token, '?event=hangup&number=1002')).toEqual([]);
  });

  it('comes newest first in pages that neither miss nor repeat one while others come, also within one moment', async () => {
    const me = await tenant();
    const moments = [minutesAgo(3), minutesAgo(2), minutesAgo(1)];
    const told = await Promise.all(Array.from({ length: 17 }, (_, n) => me.tell({ at: moments[n % 3]! })));
    for (const query of ['', '&number=1001']) {
      const seen: unknown[] = [];
      for (let cursor = ''; ;) {
        const { data, next_cursor } = await page(me.token, `?limit=4${query}${cursor}`);
        seen.push(...data.map((row) => row.delivery_id));
        expect(data.length).toBeLessThanOrEqual(4);
        await me.tell();
        if (next_cursor === null) break;
        cursor = `&cursor=${next_cursor}`;
      }
      expect(seen.length).toBe(new Set(seen).size);
      expect(seen.filter((id) => told.includes(id as string)).sort()).toEqual([...told].sort());
    }
  });

  it('comes in pages by call, too', async () => {
    const me = await tenant();
    const told = await Promise.all(Array.from({ length: 5 }, () => me.tell({ callId: 'one call' })));
    const first = await page(me.token, '?call_id=one%20call&limit=3');
    const second = await page(me.token, `?call_id=one%20call&limit=3&cursor=${first.next_cursor}`);
    expect([...first.data, ...second.data].map((row) => row.delivery_id).sort()).toEqual([...told].sort());
    expect(second.next_cursor).toBeNull();
  });

  it('is one tenant’s own, whatever it asks for; an admin sees all, or one domain', async () => {
    const [mine, other] = [await tenant(), await tenant()];
    const [ours, theirs] = [await mine.tell({ callId: 'same' }), await other.tell({ callId: 'same' })];
    for (const query of ['', '?call_id=same', `?domain=${other.name}`, '?number=1001']) expect(await ids(mine.token, query)).toEqual([ours]);
    expect(await ids(admin, '?call_id=same')).toEqual(expect.arrayContaining([ours, theirs]));
    expect(await ids(admin)).toEqual(expect.arrayContaining([ours, theirs]));
    expect(await ids(admin, `?domain=${other.name.toUpperCase()}`)).toEqual([theirs]);
    expect(await ids(admin, `?call_id=same&domain=${other.name}`)).toEqual([theirs]);
    expect((await api.ask('GET', '/v1/delivery?domain=nobody.example', { token: admin })).status).toBe(400);
  });

  it.each([
    ['state=gone', 'state'], ['state=', 'state'], ['state=pending,,leased', 'state'], ['subscription=x', 'subscription'], ['from=yesterday', 'from'], ['to=2026-13-01T00:00:00Z', 'to'],
    ['from=2026-01-01', 'from'], ['from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z', 'to'], ['limit=501', 'limit'], ['limit=0', 'limit'], ['cursor=x', 'cursor'], ['event=', 'event'], ['event=%00', 'event'],
    ['number=1&number=2', 'number'], [`call_id=${'a'.repeat(256)}`, 'call_id'], ['evnt=cdr', 'evnt'],
  ])('refuses %s and says which', async (query, field) => {
    const { token } = await tenant();
    const answer = await api.ask('GET', `/v1/delivery?${query}`, { token });
    expect([answer.status, (answer.json as { errors: { field: string }[] }).errors.map((error) => error.field)]).toEqual([400, [field]]);
  });

  it('that takes too long is 503 with what helps', async () => {
    const impatient = await startApi({ lookMs: 50 });
    const { token } = await impatient.addTenant('slow.example');
    const locker = await impatient.database.pool.connect();
    await locker.query('begin');
    await locker.query('lock table delivery in access exclusive mode');
    const answer = await impatient.ask('GET', '/v1/delivery', { token });
    await locker.query('rollback');
    locker.release();
    await impatient.stop();
    expect([answer.status, answer.headers['retry-after'], (answer.json as { detail: string }).detail]).toEqual([503, '60', expect.stringContaining('Ask for less') as string]);
  });
});

describe('GET /v1/delivery/<id>', () => {
  it('shows the body and each attempt', async () => {
    const me = await tenant();
    const id = await me.tell({ body: '{"call_id":"1","n":[1,2]}', attempts: 2 });
    await tried(api.database.pool, id, ['retry', 'delivered']);
    const [listed] = (await page(me.token)).data;
    expect(await show(me.token, id)).toEqual({
      ...listed, payload: { call_id: '1', n: [1, 2] },
      attempts: [
        { number: 1, started_at: expect.any(String) as string, outcome: 'retry', status: 500, reason: 'status 500', timing: { dns_ms: 1.5, connect_ms: 2, tls_ms: 3, first_byte_ms: 4, total_ms: 5.25 }, response: 'thanks' },
        { number: 2, started_at: expect.any(String) as string, outcome: 'delivered', status: 200, reason: null, timing: { first_byte_ms: 4, total_ms: 5.25 }, response: 'thanks' },
      ],
    });
  });

  it('shows a body of version 2 with its sequence, as it is sent', async () => {
    const me = await tenant();
    const id = randomUUID();
    await me.tell({ id, sequence: 3, body: `{"id":"${id}","type":"cdr","data":{}}` });
    expect((await show(me.token, id)).payload).toEqual({ id, sequence: 3, type: 'cdr', data: {} });
  });

  it('says 404 alike for what is unknown, foreign or no id, and shows an admin all', async () => {
    const [mine, other] = [await tenant(), await tenant()];
    const theirs = await other.tell();
    for (const id of [theirs, randomUUID(), 'nonsense', '%00']) {
      expect((await api.ask('GET', `/v1/delivery/${id}`, { token: mine.token })).status).toBe(404);
      expect((await api.ask('POST', `/v1/delivery/${id}/retry`, { token: mine.token })).status).toBe(404);
    }
    expect(await show(admin, theirs)).toMatchObject({ delivery_id: theirs, state: 'delivered' });
  });
});

describe('POST /v1/delivery/<id>/retry', () => {
  it.each(['delivered', 'abandoned', 'expired', 'held'])('has one that is %s sent once more, and only once', async (state) => {
    const me = await tenant();
    const id = await me.tell({ state });
    const answer = await api.ask('POST', `/v1/delivery/${id}/retry`, { token: me.token, headers: { 'content-type': 'application/json' } });
    expect([answer.status, answer.json]).toEqual([202, { delivery_id: id, state: 'pending' }]);
    expect(await show(me.token, id)).toMatchObject({ state: 'pending', due_at: expect.any(String) as string });
    expect((await api.ask('POST', `/v1/delivery/${id}/retry`, { token: me.token })).status).toBe(409);
  });
});

describe('GET /v1/call/<id>', () => {
  const call = async (token: string, id: string) => await api.ask('GET', `/v1/call/${encodeURIComponent(id)}`, { token });

  it('tells a call in order, found by its id, that of a leg or its flow', async () => {
    const me = await tenant();
    const flowId = randomUUID();
    const events = ['ringing', 'answered', 'hangup', 'cdr'];
    const told: string[] = [];
    for (const [index, event] of events.entries()) told.unshift(await me.tell({ flowId, callId: index < 2 ? 'leg one' : 'leg two', event, sequence: 4 - index, at: minutesAgo(index + 1) }));
    await tried(api.database.pool, told[0]!, ['retry', 'delivered']);
    await me.tell({ callId: 'another' });
    for (const id of ['leg one', 'leg two', flowId]) {
      const answer = await call(me.token, id);
      expect(answer.json).toMatchObject({ flow_id: flowId, domain_uuid: me.domainId, from_number: '+12025550143', to_number: '1001' });
      expect((answer.json as { deliveries: Record<string, unknown>[] }).deliveries.map((row) => row.delivery_id)).toEqual(told);
    }
    const { deliveries } = (await call(me.token, flowId)).json as { deliveries: Record<string, unknown>[] };
    expect(deliveries[0]).toMatchObject({ event: 'cdr', attempts: [{ number: 1, outcome: 'retry', status: 500, total_ms: 5.25 }, { number: 2, outcome: 'delivered', reason: null }] });
    expect(deliveries[1]!.attempts).toEqual([]);
  });

  it('is one tenant’s own; an admin is told whoever’s', async () => {
    const [mine, other] = [await tenant(), await tenant()];
    const flowId = randomUUID();
    await other.tell({ flowId, callId: 'shared id' });
    for (const id of [flowId, 'shared id', 'nonsense', '\0', 'a'.repeat(300)]) expect((await call(mine.token, id)).status).toBe(404);
    expect((await call(admin, flowId)).json).toMatchObject({ flow_id: flowId, domain_uuid: other.domainId });
  });
});

import { createRateLimit } from '../../src/http/rate.js';
import { startApi, type Api } from './support.js';

/** A clock that a test moves. */
function movableClock() {
  let ms = 0;
  return { now: () => new Date(), monotonicMs: () => ms, sleep: () => new Promise<void>(() => {}), pass: (by: number) => { ms += by; } };
}

describe('a bucket', () => {
  it('lets one minute’s worth through at once, then one at a time', () => {
    const clock = movableClock();
    const limit = createRateLimit(3, clock);
    expect([1, 2, 3].map(() => limit.take('a').kind)).toEqual(['passed', 'passed', 'passed']);
    expect(limit.take('a')).toEqual({ kind: 'limited', afterMs: 20_000 });
    clock.pass(19_999);
    expect(limit.take('a')).toEqual({ kind: 'limited', afterMs: 1 });
    clock.pass(1);
    expect(limit.take('a')).toEqual({ kind: 'passed' });
    expect(limit.take('a').kind).toBe('limited');
  });

  it('holds no more than one minute’s worth', () => {
    const clock = movableClock();
    const limit = createRateLimit(2, clock);
    clock.pass(3_600_000);
    expect([1, 2, 3].map(() => limit.take('a').kind)).toEqual(['passed', 'passed', 'limited']);
  });

  it('is one caller’s own', () => {
    const limit = createRateLimit(1, movableClock());
    expect(['a', 'b', 'a', 'b'].map((caller) => limit.take(caller).kind)).toEqual(['passed', 'passed', 'limited', 'limited']);
  });

  it('is forgotten once 10,000 others have come since', () => {
    const limit = createRateLimit(1, movableClock());
    limit.take('a');
    for (let n = 0; n < 9_999; n++) limit.take(`other ${n}`);
    expect(limit.take('a').kind).toBe('limited');
    for (let n = 0; n < 10_000; n++) limit.take(`another ${n}`);
    expect(limit.take('a').kind).toBe('passed');
  });
});

describe('over HTTP', () => {
  const clock = movableClock();
  let api: Api;
  beforeAll(async () => { api = await startApi({ clock, requestsPerMinute: 3, failuresPerMinute: 2 }); });
  afterAll(() => api.stop());

  it('a token’s requests are limited, and nobody else’s', async () => {
    const [busy, other] = [await api.addTenant('busy.example'), await api.addTenant('other.example')];
    const ask = () => api.ask('GET', '/v1/event', { token: busy.token });
    expect([(await ask()).status, (await ask()).status, (await ask()).status]).toEqual([200, 200, 200]);
    const limited = await ask();
    expect(limited.status).toBe(429);
    expect(limited.headers).toMatchObject({ 'retry-after': '20', 'content-type': 'application/problem+json' });
    expect((await api.post(busy.token, {})).status).toBe(429);
    expect((await api.ask('GET', '/v1/event', { token: other.token })).status).toBe(200);
    clock.pass(20_000);
    expect((await ask()).status).toBe(200);
  });

  it('failed authentications are limited, and a valid token passes all the same', async () => {
    const { token } = await api.addTenant('honest.example');
    const fail = () => api.ask('GET', '/v1/event', { token: 'guess' });
    expect([(await fail()).status, (await fail()).status]).toEqual([401, 401]);
    const limited = await fail();
    expect([limited.status, limited.headers['retry-after']]).toEqual([429, '30']);
    expect((await api.ask('GET', '/v1/event', { token })).status).toBe(200);
  });
});

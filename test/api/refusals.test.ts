import { createConnection } from 'node:net';
import { once } from 'node:events';
import type { Resolve } from '../../src/webhook/lookup.js';
import { JSON_TYPE, startApi, type Answer, type Api } from './support.js';

const names: Record<string, string[]> = { 'private.test': ['10.0.0.1'], 'mixed.test': ['10.0.0.1', '8.8.8.8'], 'public.test': ['8.8.8.8'] };
let tooLate = false;
const resolve: Resolve = (name) => {
  tooLate = name === 'silent.test';
  if (tooLate) return new Promise(() => {});
  const addresses = names[name];
  return addresses ? Promise.resolve(addresses.map((address) => ({ address, family: 4 }))) : Promise.reject(Object.assign(new Error('dns'), { code: 'ENOTFOUND' }));
};

let api: Api;
let token: string;
beforeAll(async () => {
  const sleep = () => new Promise<void>((wake) => { if (tooLate) wake(); });
  api = await startApi({ resolve, requestsPerMinute: 100_000, clock: { now: () => new Date(), monotonicMs: () => 0, sleep } });
  ({ token } = await api.addTenant('refusals.example'));
});
afterAll(() => api.stop());

/** The form of every refusal (RFC 9457), and that no word of it comes from inside. */
function expectProblem({ status, headers, json, text }: Answer, expected: number): void {
  expect(status).toBe(expected);
  expect(headers['content-type']).toBe('application/problem+json');
  expect(json).toMatchObject({ type: 'about:blank', title: expect.stringMatching(/\w/) as string, status: expected, detail: expect.stringMatching(/\w/) as string });
  expect(text).not.toMatch(/FST_|node_modules|\bat \w+ \(|SQL|hsk_|select|insert/);
}

const good = { callback_url: 'https://public.test/hook', event: 'ringing' };
const json = JSON.stringify;

describe('a body that cannot be used', () => {
  const bodies: [string, string | Buffer, string?][] = [
    ['nothing', ''], ['a space', ' '], ['no JSON', 'callback_url=https://public.test'], ['half of it', '{"callback_url":'], ['two of them', '{}{}'], ['a trailing comma', '{"event":"cdr",}'],
    ['single quotes', "{'event':'cdr'}"], ['XML', '<event/>'], ['bytes', Buffer.from([0xff, 0xfe, 0x00, 0x7b])], ['a NUL', '\0'], ['NaN', 'NaN'], ['very deep', '['.repeat(30_000)],
    ['null', 'null', ''], ['true', 'true', ''], ['a number', '42', ''], ['a string', '"event"', ''], ['an array', '[]', ''], ['an array of wishes', json([good]), ''],
    ['an empty object', '{}', 'callback_url'], ['no event', json({ callback_url: good.callback_url }), 'event'], ['no URL', json({ event: 'cdr' }), 'callback_url'],
    ['a null event', json({ ...good, event: null }), 'event'], ['an empty event', json({ ...good, event: '' }), 'event'], ['an event of the wrong type', json({ ...good, event: 7 }), 'event'],
    ['several events', json({ ...good, event: ['cdr'] }), 'event'], ['an event of 65 characters', json({ ...good, event: 'e'.repeat(65) }), 'event'], ['a NUL in the event', json({ ...good, event: 'a\0' }), 'event'],
    ['half a character in the event', '{"callback_url":"https://public.test/","event":"\\ud800"}', 'event'], ['a line feed in the event', json({ ...good, event: 'a\nb' }), 'event'],
    ['a null URL', json({ ...good, callback_url: null }), 'callback_url'], ['a URL of the wrong type', json({ ...good, callback_url: { href: 'x' } }), 'callback_url'], ['a URL in an array', json({ ...good, callback_url: [good.callback_url] }), 'callback_url'],
    ['a relative URL', json({ ...good, callback_url: '/hook' }), 'callback_url'], ['a URL without scheme', json({ ...good, callback_url: 'public.test/hook' }), 'callback_url'], ['ftp', json({ ...good, callback_url: 'ftp://public.test/' }), 'callback_url'],
    ['javascript', json({ ...good, callback_url: 'javascript:alert(1)' }), 'callback_url'], ['a file', json({ ...good, callback_url: 'file:///etc/passwd' }), 'callback_url'], ['a password in the URL', json({ ...good, callback_url: 'http://a:b@public.test/' }), 'callback_url'],
    ['a private address', json({ ...good, callback_url: 'http://192.168.1.1/' }), 'callback_url'], ['the metadata service', json({ ...good, callback_url: 'http://169.254.169.254/' }), 'callback_url'], ['this machine', json({ ...good, callback_url: 'http://localhost:8080/' }), 'callback_url'],
    ['this machine as a number', json({ ...good, callback_url: 'http://2130706433/' }), 'callback_url'], ['this machine in IPv6', json({ ...good, callback_url: 'http://[::1]/' }), 'callback_url'], ['a name of a private address', json({ ...good, callback_url: 'http://private.test/' }), 'callback_url'],
    ['a URL of 2049 bytes', json({ ...good, callback_url: `https://public.test/${'a'.repeat(2_029)}` }), 'callback_url'], ['a URL with a line feed', json({ ...good, callback_url: 'https://public.test/\nx' }), 'callback_url'], ['a URL with a NUL', json({ ...good, callback_url: 'https://public.test/\0' }), 'callback_url'],
    ['a key of the wrong type', json({ ...good, callback_apikey: 5 }), 'callback_apikey'], ['a key that is an object', json({ ...good, callback_apikey: {} }), 'callback_apikey'], ['a key of 1025 characters', json({ ...good, callback_apikey: 'k'.repeat(1_025) }), 'callback_apikey'],
    ['a key that begins a header', json({ ...good, callback_apikey: 'k\r\nX-Evil: 1' }), 'callback_apikey'], ['a key with a line feed', json({ ...good, callback_apikey: 'k\n' }), 'callback_apikey'], ['a key with a NUL', json({ ...good, callback_apikey: 'k\0' }), 'callback_apikey'],
    ['a key with a tab', json({ ...good, callback_apikey: 'a\tb' }), 'callback_apikey'], ['a key with DEL', json({ ...good, callback_apikey: 'a\u007f' }), 'callback_apikey'], ['a key with a C1 character', json({ ...good, callback_apikey: 'a\u0085b' }), 'callback_apikey'],
    ['a key beyond Latin-1', json({ ...good, callback_apikey: 'ключ' }), 'callback_apikey'], ['a key whose low bytes are a line end', json({ ...good, callback_apikey: 'a\u010d\u010ab' }), 'callback_apikey'], ['a key that ends in a space', json({ ...good, callback_apikey: 'k ' }), 'callback_apikey'],
    ['__proto__ for a body', `{"__proto__":${json(good)}}`], ['__proto__ beside one', `{"__proto__":{"admin":true},${json(good).slice(1)}`], ['constructor.prototype', '{"constructor":{"prototype":{"event":"cdr"}}}'], ['__proto__ further down', `{"x":{"__proto__":{}},${json(good).slice(1)}`],
  ];

  it.each(bodies.map(([name, body, field]) => ({ name, body, field })))('$name', async ({ body, field }) => {
    const answer = await api.ask('POST', '/v1/event', { token, headers: JSON_TYPE, body });
    expectProblem(answer, 400);
    if (field !== undefined) expect((answer.json as { errors: { field: string }[] }).errors.map((error) => error.field)).toContain(field);
  });

  it('leaves no trace, and the server well', async () => {
    expect((await api.ask('GET', '/v1/event', { token })).json).toEqual({ data: [] });
    expect((await api.ask('GET', '/healthz')).status).toBe(200);
    expect(api.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('is told all that is wrong with it at once', async () => {
    const answer = await api.post(token, { callback_url: 'http://10.0.0.1/', callback_apikey: 1 });
    expect(answer.json).toEqual({
      type: 'about:blank', title: 'Bad Request', status: 400, detail: expect.any(String) as string,
      errors: [
        { field: 'event', message: 'Is required.' }, { field: 'callback_apikey', message: 'Must be a string or null.' },
        { field: 'callback_url', message: 'Must be a public http or https URL: 10.0.0.1 is a private address.' },
      ],
    });
  });
});

describe('a name in a URL', () => {
  it.each([
    ['that is public', 'https://public.test/', 200], ['that is public as well as private', 'https://mixed.test/', 200], ['that does not exist yet', 'https://new.test/', 200],
    ['that nobody answers for in time', 'https://silent.test/', 200], ['that is private only', 'https://private.test/', 400],
  ])('%s', async (_name, callback_url, status) => {
    expect((await api.post(token, { callback_url, event: 'cdr' })).status).toBe(status);
  });
});

describe('a request', () => {
  it.each([
    ['GET', '/', 404], ['GET', '/v1', 404], ['GET', '/v1/events', 404], ['POST', '/v1/event/x/y', 404], ['GET', '/v2/event', 404], ['GET', '/../../etc/passwd', 404], ['POST', '/nowhere', 404], ['OPTIONS', '/nowhere', 404], ['HEAD', '/nowhere', 404],
    ['GET', '//', 404], ['GET', '/%', 400], ['GET', '/v1/%ZZ', 400],
  ])('%s %s has status %i', async (method, path, status) => {
    const answer = await api.ask(method, path, { headers: { 'content-type': 'text/plain' }, ...(method === 'POST' ? { body: 'x' } : {}) });
    if (method === 'HEAD') expect(answer.status).toBe(status);
    else expectProblem(answer, status);
    expect(answer.headers).toHaveProperty('x-request-id');
  });

  it.each([
    ['PUT', '/v1/event', 'GET, HEAD, POST'], ['PATCH', '/v1/event', 'GET, HEAD, POST'], ['DELETE', '/v1/event', 'GET, HEAD, POST'], ['PROPFIND', '/v1/event', 'GET, HEAD, POST'], ['TRACE', '/v1/event?x=1', 'GET, HEAD, POST'], ['PUT', '/v1/event/', 'GET, HEAD, POST'],
    ['PUT', '/v1/event/00000000-0000-4000-8000-000000000000', 'DELETE, GET, HEAD, PATCH'], ['POST', '/v1/event/x', 'DELETE, GET, HEAD, PATCH'], ['GET', '/v1/delivery/x/retry', 'POST'], ['POST', '/healthz', 'GET, HEAD'], ['DELETE', '/metrics', 'GET, HEAD'],
  ])('%s %s is told which methods there are', async (method, path, allow) => {
    const answer = await api.ask(method, path, { token });
    expectProblem(answer, 405);
    expect(answer.headers.allow).toBe(allow);
  });

  it('for the options of a path names them', async () => {
    const answer = await api.ask('OPTIONS', '/v1/event');
    expect([answer.status, answer.headers.allow, answer.text]).toEqual([204, 'GET, HEAD, POST', '']);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/xml', 'nonsense'])('of content type %s has status 415', async (type) => {
    expectProblem(await api.ask('POST', '/v1/event', { token, headers: { 'content-type': type }, body: json(good) }), 415);
  });

  it.each(['application/json', 'application/json; charset=utf-8', 'APPLICATION/JSON'])('of content type %s is read', async (type) => {
    expect((await api.ask('POST', '/v1/event', { token, headers: { 'content-type': type }, body: json(good) })).status).toBe(200);
  });

  it('with a body but without a content type has status 415, and with neither 400', async () => {
    expectProblem(await api.ask('POST', '/v1/event', { token, body: json(good) }), 415);
    expectProblem(await api.ask('POST', '/v1/event', { token, headers: { 'content-length': '0' } }), 400);
  });

  it('beyond 64 KiB has status 413, whether it says so before or not', async () => {
    const body = json({ ...good, padding: 'x'.repeat(65_536) });
    expectProblem(await api.ask('POST', '/v1/event', { token, headers: JSON_TYPE, body }), 413);
    const chunked = `POST /v1/event HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    expect(await api.raw(chunked)).toMatch(/^HTTP\/1\.1 413 [\s\S]*application\/problem\+json/);
  });

  it.each([
    ['no HTTP', 'hello\r\n\r\n', 400], ['a header with a NUL', 'GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n', 400], ['two lengths', 'POST /v1/event HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 400],
    ['a length and chunks', 'POST /v1/event HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400], ['20 KB of headers', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ])('that is broken below HTTP ends with a problem: %s', async (_name, text, status) => {
    expect(await api.raw(text)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*application/problem\\+json[\\s\\S]*"status":${status}`));
  });

  it('that its client breaks off does no harm', async () => {
    const socket = createConnection(api.port, '127.0.0.1');
    socket.write(`POST /v1/event HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`);
    await once(socket, 'connect');
    socket.resetAndDestroy();
    expect((await api.ask('GET', '/healthz')).status).toBe(200);
  });
});

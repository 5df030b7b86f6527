import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingHttpHeaders } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { networkInterfaces } from 'node:os';
import type { AddressInfo, Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { createAddressPolicy } from '../../src/webhook/address.js';
import { createSender, type Sender, type SenderOptions } from '../../src/webhook/send.js';
import { certificate, key } from './certificate.js';
import { head, ok, startRawReceiver, type Answer } from './raw-receiver.js';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => { for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp(); });

const body = Buffer.from('{"state":"ringing"}');
/** One POST, and what came back without the times and the text of it, which are tested by themselves. */
async function post(sender: Sender, url: string, signal?: AbortSignal): Promise<object> {
  const { timing, ...reply } = await sender.send({ url, body, headers: { 'content-type': 'application/json' } }, signal);
  expect(timing.totalMs).toBeGreaterThanOrEqual(0);
  return reply.kind === 'answered' ? { ...reply, excerpt: undefined } : reply;
}

function senderWith(options: Partial<SenderOptions> = {}): Sender {
  const sender = createSender({ policy: createAddressPolicy({ allow: ['127.0.0.1', '::1'] }), timeoutMs: 5_000, ...options });
  cleanUps.push(() => sender.close());
  return sender;
}

async function receiverThat(answer: Answer, host?: string) {
  const receiver = await startRawReceiver(answer, host);
  cleanUps.push(() => receiver.close());
  return receiver;
}

const answering = (text: string): Answer => (socket) => { socket.write(text, 'latin1'); };
const closed = ({ sockets: [socket] }: { sockets: Socket[] }) => new Promise<void>((resolve) => {
  if (socket!.destroyed) resolve();
  else socket!.once('close', () => resolve());
});

describe('a POST', () => {
  it('carries the body and the headers it was given', async () => {
    let seen: { method?: string; headers: IncomingHttpHeaders; text: string } | undefined;
    const server = createHttpServer((request, response) => {
      let text = '';
      request.on('data', (chunk) => { text += String(chunk); }).on('end', () => { seen = { method: request.method!, headers: request.headers, text }; response.end('thanks'); });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanUps.push(() => { server.closeAllConnections(); server.close(); });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?a=b`;
    const reply = await senderWith().send({ url, body, headers: { 'content-type': 'application/json', 'webhook-id': 'w1', authorization: 'Bearer k' } });
    expect(reply).toMatchObject({ kind: 'answered', status: 200 });
    expect(seen).toMatchObject({ method: 'POST', text: body.toString(), headers: { 'content-type': 'application/json', 'webhook-id': 'w1', authorization: 'Bearer k', 'content-length': String(body.length) } });
    expect(seen!.headers).not.toHaveProperty('accept-encoding');
  });

  it.each([200, 204, 301, 400, 404, 410, 500, 503])('reports status %i as it is', async (status) => {
    const receiver = await receiverThat(answering(head(status, 'content-length: 0')));
    expect(await post(senderWith(), receiver.url)).toEqual({ kind: 'answered', status });
  });

  it('shares one connection with those before it', async () => {
    const receiver = await receiverThat(answering(`${head(200, 'content-length: 5')}hello`));
    const sender = senderWith();
    for (let n = 0; n < 5; n++) await post(sender, receiver.url);
    expect([receiver.requests, receiver.sockets.length]).toEqual([5, 1]);
  });

  it('opens no more connections to one origin than allowed', async () => {
    const held: (() => void)[] = [];
    const receiver = await receiverThat((socket) => { held.push(() => socket.write(ok)); if (held.length === 2) for (const release of held.splice(0)) release(); });
    const sender = senderWith({ maxSocketsPerOrigin: 2 });
    await Promise.all(Array.from({ length: 10 }, () => post(sender, receiver.url)));
    expect([receiver.requests, receiver.sockets.length]).toEqual([10, 2]);
  });

  it('goes over IPv6 where there is any', async () => {
    const hasIpv6 = Object.values(networkInterfaces()).flat().some((address) => address?.address === '::1');
    const receiver = await receiverThat(answering(ok), hasIpv6 ? '::1' : '127.0.0.1');
    expect(await post(senderWith(), receiver.url)).toEqual({ kind: 'answered', status: 200 });
  });
});

describe('Retry-After', () => {
  it.each([
    [429, '7', { retryAfterMs: 7_000 }], [503, 'Thu, 01 Jan 2026 00:00:30 GMT', { retryAfterMs: 30_000 }], [503, 'Wed, 31 Dec 2025 23:00:00 GMT', { retryAfterMs: 0 }],
    [429, '99999999', { retryAfterMs: 86_400_000 }], [429, 'soon', {}], [429, '-5', { retryAfterMs: 0 }], [200, '7', {}], [500, '7', {}],
  ])('of a %i that says %j', async (status, value, expected) => {
    const receiver = await receiverThat(answering(head(status, `retry-after: ${value}`, 'content-length: 0')));
    expect(await post(senderWith({ now: () => new Date('2026-01-01T00:00:00Z') }), receiver.url)).toEqual({ kind: 'answered', status, ...expected });
  });
});

describe('an answer that is a trap', () => {
  it('a redirect is an answer and is not followed', async () => {
    const elsewhere = await receiverThat(answering(ok));
    const receiver = await receiverThat(answering(head(307, `location: ${elsewhere.url}`, 'content-length: 0')));
    expect(await post(senderWith(), receiver.url)).toEqual({ kind: 'answered', status: 307 });
    expect(elsewhere.sockets).toHaveLength(0);
  });

  it('a body of 1 GB is cut off, and its status counts', async () => {
    const receiver = await receiverThat((socket) => {
      const chunk = Buffer.alloc(65_536, 'x');
      const pour = () => { while (!socket.destroyed && socket.write(chunk)); };
      socket.write(head(200, 'content-length: 1000000000'));
      socket.on('drain', pour);
      pour();
    });
    expect(await post(senderWith(), receiver.url)).toEqual({ kind: 'answered', status: 200 });
    await closed(receiver);
    expect(receiver.sockets[0]!.bytesWritten).toBeLessThan(50_000_000);
  });

  it('a body that is compressed is not unpacked', async () => {
    const bomb = gzipSync(Buffer.alloc(20_000_000));
    const receiver = await receiverThat((socket) => { socket.write(head(200, 'content-encoding: gzip', `content-length: ${bomb.length}`)); socket.write(bomb); });
    expect(await post(senderWith({ maxResponseBytes: bomb.length }), receiver.url)).toEqual({ kind: 'answered', status: 200 });
    expect(receiver.sockets[0]!.destroyed).toBe(false);
  });

  it.each([
    ['a body that never ends', head(200, 'content-length: 100') + 'some of it', { kind: 'answered', status: 200 }],
    ['a head that never ends', 'HTTP/1.1 200 OK\r\nx-slow: 1\r\n', { kind: 'unreachable', code: 'ETIMEDOUT' }],
    ['no answer', '', { kind: 'unreachable', code: 'ETIMEDOUT' }],
    ['only promises (103)', 'HTTP/1.1 103 Early Hints\r\n\r\n', { kind: 'unreachable', code: 'ETIMEDOUT' }],
  ])('%s ends at the deadline, and the connection with it', async (_name, text, expected) => {
    const receiver = await receiverThat((socket) => { if (text !== '') socket.write(text); });
    expect(await post(senderWith({ timeoutMs: 150 }), receiver.url)).toEqual(expected);
    await closed(receiver);
  });

  it.each([['head', '', { kind: 'unreachable', code: 'ETIMEDOUT' }], ['body', head(200, 'content-length: 100000'), { kind: 'answered', status: 200 }]])(
    'a %s that comes byte by byte does not put the deadline off', async (_name, first, expected) => {
      const receiver = await receiverThat((socket) => {
        socket.write(first);
        const drip = () => { if (!socket.destroyed) socket.write('H', () => { setImmediate(drip); }); };
        if (first === '') socket.write('HTTP/1.1 200 OK\r\nx-drip: ');
        drip();
      });
      const startedAt = performance.now();
      expect(await post(senderWith({ timeoutMs: 150, maxResponseBytes: 10_000_000 }), receiver.url)).toEqual(expected.kind === 'answered' ? expected : { kind: 'unreachable', code: expect.stringMatching(/ETIMEDOUT|HPE_HEADER_OVERFLOW/) as string });
      expect(performance.now() - startedAt).toBeLessThan(10_000);
    });

  it.each([
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', 'HPE_INVALID_CONSTANT'],
    ['a head of 1 MB', `HTTP/1.1 200 OK\r\nx-long: ${'x'.repeat(1_000_000)}\r\n\r\n`, 'HPE_HEADER_OVERFLOW'],
    ['two lengths', head(200, 'content-length: 1', 'content-length: 2'), 'HPE_UNEXPECTED_CONTENT_LENGTH'],
  ])('%s is reported by its code', async (_name, text, code) => {
    const receiver = await receiverThat(answering(text));
    expect(await post(senderWith(), receiver.url)).toEqual({ kind: 'unreachable', code });
  });

  it('a change of protocol is an answer, and the connection ends', async () => {
    const receiver = await receiverThat(answering(head(101, 'connection: upgrade', 'upgrade: websocket')));
    expect(await post(senderWith(), receiver.url)).toEqual({ kind: 'answered', status: 101 });
    await closed(receiver);
  });

  it('a body that breaks off does not undo the status', async () => {
    const receiver = await receiverThat((socket) => { socket.write(`${head(200, 'content-length: 100')}half`, () => { socket.resetAndDestroy(); }); });
    expect(await post(senderWith(), receiver.url)).toEqual({ kind: 'answered', status: 200 });
  });
});

describe('a connection that ends', () => {
  it('before the answer is reported, and the POST is not repeated', async () => {
    const receiver = await receiverThat((socket) => { socket.resetAndDestroy(); });
    expect(await post(senderWith(), receiver.url)).toEqual({ kind: 'unreachable', code: 'ECONNRESET' });
    expect(receiver.requests).toBe(1);
  });

  it.each([['reset', 'resetAndDestroy'], ['closed', 'destroy']] as const)('%s just as it is used again costs no attempt', async (_name, end) => {
    const receiver = await receiverThat((socket, number) => { if (number === 2) socket[end](); else socket.write(ok); });
    const sender = senderWith();
    await post(sender, receiver.url);
    expect(await post(sender, receiver.url)).toEqual({ kind: 'answered', status: 200 });
    expect([receiver.requests, receiver.sockets.length]).toEqual([3, 2]);
  });

  it('is replaced once, within the same deadline', async () => {
    const receiver = await receiverThat((socket, number) => { if (number === 1) socket.write(ok); else socket.resetAndDestroy(); });
    const sender = senderWith();
    await post(sender, receiver.url);
    expect(await post(sender, receiver.url)).toEqual({ kind: 'unreachable', code: 'ECONNRESET' });
    expect(receiver.requests).toBe(3);
  });

  it('by our own hand when nobody has used it for a while', async () => {
    const receiver = await receiverThat(answering(ok));
    await post(senderWith({ idleMs: 30 }), receiver.url);
    await closed(receiver);
  });

  it('when the caller gives up, or the sender is closed', async () => {
    let arrived = () => {};
    const receiver = await receiverThat(() => arrived());
    const sender = senderWith();
    const seen = () => new Promise<void>((resolve) => { arrived = resolve; });
    const impatient = new AbortController();
    const [first, firstSeen] = [post(sender, receiver.url, impatient.signal), seen()];
    await firstSeen;
    impatient.abort();
    expect(await first).toEqual({ kind: 'unreachable', code: 'ECANCELED' });
    expect(await post(sender, receiver.url, impatient.signal)).toEqual({ kind: 'unreachable', code: 'ECANCELED' });
    const [second, secondSeen] = [post(sender, receiver.url), seen()];
    await secondSeen;
    sender.close();
    expect(await second).toEqual({ kind: 'unreachable', code: 'ECONNRESET' });
  });
});

describe('a receiver that cannot be reached', () => {
  it('refuses the connection', async () => {
    const receiver = await receiverThat(answering(ok));
    await receiver.close();
    expect(await post(senderWith(), receiver.url)).toEqual({ kind: 'unreachable', code: 'ECONNREFUSED' });
  });

  it.each(['ENOTFOUND', 'EAI_AGAIN'])('has a name for which DNS says %s', async (code) => {
    const sender = senderWith({ resolve: () => Promise.reject(Object.assign(new Error('dns'), { code })) });
    expect(await post(sender, 'http://receiver.test/')).toEqual({ kind: 'unreachable', code });
  });

  it('has a name that DNS keeps silent about', async () => {
    expect(await post(senderWith({ timeoutMs: 100, resolve: () => new Promise(() => {}) }), 'http://receiver.test/')).toEqual({ kind: 'unreachable', code: 'ETIMEDOUT' });
  });

  it('really does not exist', async () => {
    const reply = await post(senderWith(), 'http://does-not-exist.invalid/');
    expect(reply).toEqual({ kind: 'unreachable', code: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/) as string });
  });

  it.each(['a\r\nx-evil: 1', 'a\nb', 'a\0b', 'schlüssel\u20ac', '\ud800'])('was stored with a key that no header can carry: %j', async (key) => {
    const receiver = await receiverThat(answering(ok));
    const reply = await senderWith().send({ url: receiver.url, body, headers: { authorization: key } });
    expect(reply).toMatchObject({ kind: 'forbidden', reason: 'a header, probably the key, has a character that no header may have' });
    expect(receiver.sockets).toHaveLength(0);
  });
});

describe('an address that may not be called', () => {
  it.each(['http://127.0.0.2:PORT/', 'http://localhost:PORT/', 'http://[::ffff:127.0.0.2]:PORT/', 'ftp://127.0.0.1:PORT/', 'nonsense', 'http://u:p@127.0.0.1:PORT/'])('%s is never connected to', async (url) => {
    const receiver = await receiverThat(answering(ok), '0.0.0.0');
    const sender = senderWith({ policy: createAddressPolicy({ allow: url.includes('localhost') ? [] : ['127.0.0.1'] }) });
    expect(await post(sender, url.replace('PORT', String(receiver.port)))).toEqual({ kind: 'forbidden', reason: expect.stringMatching(/\w/) as string });
    expect(receiver.sockets).toHaveLength(0);
  });

  it('is not reached by a name that changes its answer after it was checked', async () => {
    const receiver = await receiverThat((socket) => { socket.end(head(200, 'content-length: 0', 'connection: close')); }, '0.0.0.0');
    const answers = ['127.0.0.1', '127.0.0.2'];
    const sender = senderWith({ policy: createAddressPolicy({ allow: ['127.0.0.1'] }), resolve: () => Promise.resolve([{ address: answers.shift()!, family: 4 }]) });
    const url = `http://receiver.test:${receiver.port}/`;
    expect(await post(sender, url)).toEqual({ kind: 'answered', status: 200 });
    expect(await post(sender, url)).toEqual({ kind: 'forbidden', reason: '127.0.0.2 is a loopback address' });
    expect(receiver.sockets).toHaveLength(1);
  });

  it('is passed over where the name has another', async () => {
    const receiver = await receiverThat(answering(ok), '0.0.0.0');
    const addresses = ['127.0.0.2', '127.0.0.1', '127.0.0.3'].map((address) => ({ address, family: 4 }));
    const sender = senderWith({ policy: createAddressPolicy({ allow: ['127.0.0.1'] }), resolve: () => Promise.resolve(addresses) });
    expect(await post(sender, `http://receiver.test:${receiver.port}/`)).toEqual({ kind: 'answered', status: 200 });
    expect(receiver.sockets.map(({ localAddress }) => localAddress)).toEqual(['127.0.0.1']);
  });
});

describe('over TLS', () => {
  async function startSecure(): Promise<number> {
    const server = createHttpsServer({ cert: certificate, key }, (_request, response) => { response.end(); }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanUps.push(() => { server.closeAllConnections(); server.close(); });
    return (server.address() as AddressInfo).port;
  }
  const resolve = () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]);

  it.each([
    ['a trusted certificate is accepted', 'hook.test', { certificates: [certificate] }, { kind: 'answered', status: 200 }],
    ['one for another name is not', 'other.test', { certificates: [certificate] }, { kind: 'unreachable', code: 'ERR_TLS_CERT_ALTNAME_INVALID' }],
    ['one that nobody signed is not', 'hook.test', {}, { kind: 'unreachable', code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }],
  ])('%s', async (_name, host, options, expected) => {
    expect(await post(senderWith({ resolve, ...options }), `https://${host}:${await startSecure()}/`)).toEqual(expected);
  });
});

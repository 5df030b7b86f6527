import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAddressPolicy } from '../../src/webhook/address.js';
import { createSender, type Sender, type SenderOptions } from '../../src/webhook/send.js';
import { startProxy, type ProxyOptions } from './proxy-server.js';
import { ok, startRawReceiver } from './raw-receiver.js';

const pem = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), 'utf8');
const identity = { cert: pem('receiver.pem'), key: pem('receiver.key') };

const cleanUps: (() => unknown)[] = [];
afterEach(async () => { for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp(); });

/** Where names lead by our own DNS: nothing public is there, and only the proxy knows the way. */
const resolve = (name: string) => Promise.resolve([{ address: name === 'inner.test' ? '10.0.0.1' : '8.8.8.8', family: 4 }]);

function senderWith(options: Partial<SenderOptions>): Sender {
  const sender = createSender({ policy: createAddressPolicy({ allow: [] }), resolve, certificates: [pem('authority.pem')], ...options });
  cleanUps.push(() => sender.close());
  return sender;
}

async function proxyThat(options: ProxyOptions = {}) {
  const proxy = await startProxy({ hosts: { 'hook.test': '127.0.0.1' }, ...options });
  cleanUps.push(() => proxy.close());
  return proxy;
}

async function plainReceiver() {
  const receiver = await startRawReceiver((socket) => { socket.write(ok); });
  cleanUps.push(() => receiver.close());
  return receiver;
}

async function secureReceiver() {
  const paths: (string | undefined)[] = [];
  const server = createHttpsServer(identity, (request, response) => { paths.push(request.url); response.end('thanks'); }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => { server.closeAllConnections(); server.close(); });
  return { port: (server.address() as AddressInfo).port, paths };
}

const post = (sender: Sender, url: string) => sender.send({ url, body: Buffer.from('{}'), headers: { 'x-key': 'k' } });

describe('through a proxy', () => {
  it('https goes in a tunnel, which is used again', async () => {
    const { port, paths } = await secureReceiver();
    const proxy = await proxyThat();
    const sender = senderWith({ proxyUrl: proxy.url() });
    for (let n = 1; n <= 3; n++) expect(await post(sender, `https://hook.test:${port}/${n}`)).toMatchObject({ kind: 'answered', status: 200, excerpt: 'thanks' });
    expect(paths).toEqual(['/1', '/2', '/3']);
    expect(proxy.requests.map((head) => head.split('\r\n')[0])).toEqual([`CONNECT hook.test:${port} HTTP/1.1`]);
    expect(proxy.requests[0]).not.toContain('x-key');
  });

  it('the times are those of the way to the receiver', async () => {
    const { port } = await secureReceiver();
    const proxy = await proxyThat();
    const sender = senderWith({ proxyUrl: proxy.url() });
    const timed = async () => Object.keys((await post(sender, `https://hook.test:${port}/`)).timing);
    expect(await timed()).toEqual(['dnsMs', 'connectMs', 'tlsMs', 'firstByteMs', 'totalMs']);
    expect(await timed()).toEqual(['dnsMs', 'firstByteMs', 'totalMs']);
  });

  it('a burst keeps to the connections allowed', async () => {
    const { port, paths } = await secureReceiver();
    const proxy = await proxyThat();
    const sender = senderWith({ proxyUrl: proxy.url(), maxSocketsPerOrigin: 4 });
    await Promise.all(Array.from({ length: 40 }, () => post(sender, `https://hook.test:${port}/`)));
    expect(paths).toHaveLength(40);
    expect(proxy.requests).toHaveLength(4);
  });

  it('http is asked for by its whole URL', async () => {
    const receiver = await plainReceiver();
    const proxy = await proxyThat();
    const sender = senderWith({ proxyUrl: proxy.url() });
    for (let n = 1; n <= 2; n++) expect(await post(sender, `http://hook.test:${receiver.port}/a?b=${n}`)).toMatchObject({ kind: 'answered', status: 200 });
    expect(proxy.requests.map((head) => head.split('\r\n')[0])).toEqual([1, 2].map((n) => `POST http://hook.test:${receiver.port}/a?b=${n} HTTP/1.1`));
    expect(receiver.sockets).toHaveLength(1);
  });

  it('a path that looks like a host names none', async () => {
    const receiver = await plainReceiver();
    const proxy = await proxyThat();
    await post(senderWith({ proxyUrl: proxy.url() }), `http://hook.test:${receiver.port}//169.254.169.254/latest`);
    expect(proxy.requests[0]).toMatch(`POST http://hook.test:${receiver.port}//169.254.169.254/latest HTTP/1.1`);
  });

  it.each(['http', 'https'])('%s carries the credentials of its URL to the proxy', async (scheme) => {
    const proxy = await proxyThat({ instead: 'HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n' });
    await post(senderWith({ proxyUrl: proxy.url('us%40er:p%3Aw') }), `${scheme}://hook.test/`);
    expect(proxy.requests[0]).toContain(`Proxy-Authorization: Basic ${Buffer.from('us@er:p:w').toString('base64')}`);
  });

  it('that speaks TLS itself, its certificate is checked too', async () => {
    const { port } = await secureReceiver();
    const proxy = await proxyThat({ tls: identity });
    expect(await post(senderWith({ proxyUrl: proxy.url() }), `https://hook.test:${port}/`)).toMatchObject({ kind: 'answered', status: 200 });
    expect(await post(senderWith({ proxyUrl: proxy.url(), certificates: [] }), `https://hook.test:${port}/`)).toMatchObject({ kind: 'unreachable', code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  });

  it("the receiver's certificate is checked", async () => {
    const { port } = await secureReceiver();
    const proxy = await proxyThat({ hosts: { 'other.test': '127.0.0.1', 'hook.test': '127.0.0.1' } });
    expect(await post(senderWith({ proxyUrl: proxy.url() }), `https://other.test:${port}/`)).toMatchObject({ kind: 'unreachable', code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    expect(await post(senderWith({ proxyUrl: proxy.url(), certificates: [] }), `https://hook.test:${port}/`)).toMatchObject({ kind: 'unreachable', code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  });

  it.each(['http://inner.test/', 'https://inner.test/', 'https://10.0.0.1/', 'http://127.0.0.1:8021/', 'https://169.254.169.254/'])('%s is judged before the proxy hears of it', async (url) => {
    const proxy = await proxyThat();
    expect(await post(senderWith({ proxyUrl: proxy.url() }), url)).toMatchObject({ kind: 'forbidden', reason: expect.stringMatching(/ is a /) as string });
    expect(proxy.sockets).toHaveLength(0);
  });

  it('a name that cannot be resolved is not passed on', async () => {
    const proxy = await proxyThat();
    const lost = Object.assign(new Error('lost'), { code: 'ENOTFOUND' });
    expect(await post(senderWith({ proxyUrl: proxy.url(), resolve: () => Promise.reject(lost) }), 'https://hook.test/')).toMatchObject({ kind: 'unreachable', code: 'ENOTFOUND' });
    expect(await post(senderWith({ proxyUrl: proxy.url(), resolve: () => new Promise(() => {}), timeoutMs: 50 }), 'https://hook.test/')).toMatchObject({ kind: 'unreachable', code: 'ETIMEDOUT' });
    expect(proxy.sockets).toHaveLength(0);
  });
});

describe('an answer of the proxy', () => {
  it.each([[201, 'PROXY_201'], [204, 'PROXY_204'], [407, 'PROXY_407'], [410, 'PROXY_410'], [502, 'PROXY_502']])('%i to CONNECT is not that of the receiver', async (status, code) => {
    const proxy = await proxyThat({ instead: `HTTP/1.1 ${status} Mine\r\nwebhook-delivery: disable\r\ncontent-length: 0\r\n\r\n` });
    expect(await post(senderWith({ proxyUrl: proxy.url() }), 'https://hook.test/')).toMatchObject({ kind: 'unreachable', code });
  });

  it('407 to a request is not that of the receiver either', async () => {
    const proxy = await proxyThat({ instead: 'HTTP/1.1 407 Mine\r\nwebhook-delivery: disable\r\ncontent-length: 0\r\n\r\n' });
    expect(await post(senderWith({ proxyUrl: proxy.url() }), 'http://hook.test/')).toMatchObject({ kind: 'unreachable', code: 'PROXY_407' });
  });

  it('that never comes ends at the deadline, and its connection with it', async () => {
    const proxy = await proxyThat({ instead: '' });
    expect(await post(senderWith({ proxyUrl: proxy.url(), timeoutMs: 100 }), 'https://hook.test/')).toMatchObject({ kind: 'unreachable', code: 'ETIMEDOUT' });
    const [socket] = proxy.sockets;
    if (!socket!.destroyed) await once(socket!, 'close');
  });

  it('cannot come where there is no proxy', async () => {
    const proxy = await startProxy();
    await proxy.close();
    expect(await post(senderWith({ proxyUrl: proxy.url() }), 'https://hook.test/')).toMatchObject({ kind: 'unreachable', code: 'ECONNREFUSED' });
    expect(await post(senderWith({ proxyUrl: proxy.url() }), 'http://hook.test/')).toMatchObject({ kind: 'unreachable', code: 'ECONNREFUSED' });
  });
});

it('a host that is excepted is called directly', async () => {
  const receiver = await plainReceiver();
  const proxy = await proxyThat();
  const policy = createAddressPolicy({ allow: ['127.0.0.1'] });
  const sender = senderWith({ proxyUrl: proxy.url(), noProxy: ['*.corp.test', '127.0.0.1'], policy, resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]) });
  expect(await post(sender, `http://crm.corp.test:${receiver.port}/`)).toMatchObject({ kind: 'answered', status: 200 });
  expect(await post(sender, receiver.url)).toMatchObject({ kind: 'answered', status: 200 });
  expect(proxy.sockets).toHaveLength(0);
  expect(await post(sender, 'http://corp.test/')).toMatchObject({ kind: 'unreachable' });
  expect(proxy.sockets).not.toHaveLength(0);
});

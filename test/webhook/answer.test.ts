import { createServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { createAddressPolicy } from '../../src/webhook/address.js';
import { createSender, type Sender, type SenderOptions } from '../../src/webhook/send.js';
import { certificate, key } from './certificate.js';
import { head, ok, startRawReceiver, type Answer } from './raw-receiver.js';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => { for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp(); });

function senderWith(options: Partial<SenderOptions> = {}): Sender {
  const sender = createSender({ policy: createAddressPolicy({ allow: ['127.0.0.1'] }), ...options });
  cleanUps.push(() => sender.close());
  return sender;
}

async function receiverThat(answer: Answer) {
  const receiver = await startRawReceiver(answer);
  cleanUps.push(() => receiver.close());
  return receiver;
}

const post = (sender: Sender, url: string) => sender.send({ url, body: Buffer.from('{}'), headers: {} });
const replyTo = async (answer: Answer, options?: Partial<SenderOptions>) => post(senderWith(options), (await receiverThat(answer)).url);
const answering = (...parts: (string | Buffer)[]): Answer => (socket) => { socket.write(Buffer.concat(parts.map((part) => Buffer.from(part)))); };

describe('the excerpt of an answer', () => {
  it.each<[string, (string | Buffer)[], string]>([
    ['is its body', [head(500, 'content-length: 9'), 'no such x'], 'no such x'],
    ['is empty where there is none', [head(204)], ''],
    ['is the first KiB of a longer one', [head(200, 'content-length: 3000'), 'x'.repeat(3_000)], 'x'.repeat(1_024)],
    ['ends with a whole character', [head(200, 'content-length: 3001'), `x${'é'.repeat(1_500)}`], `x${'é'.repeat(511)}`],
    ['has no NUL, which Postgres would refuse', [head(200, 'content-length: 3'), 'a\0b'], 'a\ufffdb'],
    ['shows what is no UTF-8', [head(200, 'content-length: 3'), Buffer.from([0x61, 0xff, 0x62])], 'a\ufffdb'],
    ['is what came of a body that broke off', [head(200, 'content-length: 100', 'connection: close'), 'half'], 'half'],
  ])('%s', async (_name, parts, expected) => {
    const reply = await replyTo((socket) => { socket.end(Buffer.concat(parts.map((part) => Buffer.from(part)))); });
    expect(reply).toMatchObject({ kind: 'answered', excerpt: expected });
  });

  it('is empty where the body is compressed', async () => {
    const body = gzipSync('secret');
    expect(await replyTo(answering(head(200, 'content-encoding: gzip', `content-length: ${body.length}`), body))).toMatchObject({ excerpt: '' });
  });

  it('is there also of a body that is cut off', async () => {
    const reply = await replyTo(answering(head(200, 'content-length: 9000'), 'y'.repeat(9_000)), { maxResponseBytes: 2_000 });
    expect(reply).toMatchObject({ kind: 'answered', status: 200, excerpt: 'y'.repeat(1_024) });
  });
});

describe('the header webhook-delivery', () => {
  it.each([
    ['disable', 'disable'], ['Disable', 'disable'], ['  ABORT-message  ', 'abort-message'], ['abort-message', 'abort-message'],
    ['stop', undefined], ['', undefined], ['disable, abort-message', undefined], ['disable;', undefined],
  ])('that says %j asks for %s', async (value, expected) => {
    const reply = await replyTo(answering(head(500, `Webhook-Delivery: ${value}`, 'content-length: 0')));
    expect(reply.kind === 'answered' && reply.instruction).toBe(expected);
  });

  it('is given up with the answer whatever its status', async () => {
    expect(await replyTo(answering(head(200, 'webhook-delivery: disable', 'content-length: 0')))).toMatchObject({ status: 200, instruction: 'disable' });
  });
});

describe('the times of a POST', () => {
  /** Each look at the clock is a millisecond later, so each phase that is measured has a time of its own. */
  const ticking = () => { let nowMs = 0; return () => ++nowMs; };
  const resolve = () => new Promise<{ address: string; family: number }[]>((done) => { setImmediate(done, [{ address: '127.0.0.1', family: 4 }]); });

  it('name each phase on a new connection, and only the answer on one that is used again', async () => {
    const receiver = await receiverThat(answering(ok));
    const sender = senderWith({ resolve, nowMs: ticking() });
    const url = `http://receiver.test:${receiver.port}/`;
    expect((await post(sender, url)).timing).toEqual({ dnsMs: 1, connectMs: 1, firstByteMs: 1, totalMs: 5 });
    expect((await post(sender, url)).timing).toEqual({ firstByteMs: 1, totalMs: 3 });
  });

  it('have no lookup where the URL has an address', async () => {
    expect((await replyTo(answering(ok), { nowMs: ticking() })).timing).toEqual({ connectMs: 1, firstByteMs: 1, totalMs: 4 });
  });

  it('tell TLS from the connection', async () => {
    const server = createServer({ cert: certificate, key }, (_request, response) => { response.end(); }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanUps.push(() => { server.closeAllConnections(); server.close(); });
    const sender = senderWith({ resolve, nowMs: ticking(), certificates: [certificate] });
    expect((await post(sender, `https://hook.test:${(server.address() as AddressInfo).port}/`)).timing).toEqual({ dnsMs: 1, connectMs: 1, tlsMs: 1, firstByteMs: 1, totalMs: 6 });
  });

  it('are those until it failed', async () => {
    const receiver = await receiverThat((socket) => { socket.resetAndDestroy(); });
    expect((await post(senderWith({ nowMs: ticking() }), receiver.url)).timing).toEqual({ connectMs: 1, totalMs: 3 });
    expect((await post(senderWith({ nowMs: ticking() }), 'http://10.0.0.1/')).timing).toEqual({ totalMs: 1 });
  });

  it('count from the beginning where a kept connection was gone', async () => {
    const receiver = await receiverThat((socket, number) => { if (number === 2) socket.resetAndDestroy(); else socket.write(ok); });
    const sender = senderWith({ nowMs: ticking() });
    await post(sender, receiver.url);
    expect((await post(sender, receiver.url)).timing).toEqual({ connectMs: 1, firstByteMs: 1, totalMs: 5 });
  });
});

describe('a burst', () => {
  it('of 64 opens 64 connections, and the next one opens none', async () => {
    const held: (() => void)[] = [];
    const receiver = await receiverThat((socket) => {
      held.push(() => { socket.write(ok); });
      if (held.length === 64) for (const release of held.splice(0)) release();
    });
    const sender = senderWith();
    for (let round = 0; round < 3; round++) await Promise.all(Array.from({ length: 64 }, () => post(sender, receiver.url)));
    expect([receiver.requests, receiver.sockets.length]).toEqual([192, 64]);
  });
});

import { createAddressPolicy } from '../../src/webhook/address.js';
import { createOwnAddresses } from '../../src/webhook/own-addresses.js';
import { createResolver } from '../../src/webhook/resolver.js';
import { createSender, type Sender } from '../../src/webhook/send.js';
import { startNameServer, type Records } from './name-server.js';
import { head, ok, startRawReceiver, type Answer } from './raw-receiver.js';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => { for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp(); });

async function nameServerWith(records: Records) {
  const server = await startNameServer(records);
  cleanUps.push(() => server.close());
  return server;
}

async function receiverThat(answer: Answer) {
  const receiver = await startRawReceiver(answer, '0.0.0.0');
  cleanUps.push(() => receiver.close());
  return receiver;
}

function senderAsking(at: string, policy = createAddressPolicy({ allow: ['127.0.0.1'] })): Sender {
  const sender = createSender({ policy, resolve: resolverAt(at) });
  cleanUps.push(() => sender.close());
  return sender;
}

/** Waits long for an answer: on a busy machine a question that is repeated would be counted twice. */
const resolverAt = (at: string) => createResolver([at], 30_000);

const post = (sender: Sender, url: string) => sender.send({ url, body: Buffer.from('{}'), headers: {} });
const closing: Answer = (socket) => { socket.end(head(200, 'content-length: 0', 'connection: close')); };

describe('a name server of our own', () => {
  it('gives the addresses of both families', async () => {
    const { at } = await nameServerWith({ 'a.test': ['8.8.8.8', '2606:4700::1', '9.9.9.9'] });
    expect(await resolverAt(at)('a.test')).toEqual([{ address: '8.8.8.8', family: 4 }, { address: '9.9.9.9', family: 4 }, { address: '2606:4700::1', family: 6 }]);
  });

  it('is asked once for what is asked at once, and again afterwards', async () => {
    const { at, asked } = await nameServerWith({ 'a.test': ['8.8.8.8'] });
    const resolve = resolverAt(at);
    await Promise.all(Array.from({ length: 20 }, () => resolve('a.test')));
    expect(asked.sort()).toEqual(['a.test A', 'a.test AAAA']);
    await resolve('a.test');
    expect(asked).toHaveLength(4);
  });

  it.each([['nowhere.test', 'ENOTFOUND'], ['empty.test', 'ENOTFOUND'], ['broken.test', 'ESERVFAIL']])('says of %s: %s', async (name, code) => {
    const { at } = await nameServerWith({ 'empty.test': [], 'broken.test': 'broken' });
    await expect(resolverAt(at)(name)).rejects.toMatchObject({ code });
  });

  it('is not asked where this machine is', async () => {
    const { at, asked } = await nameServerWith({ localhost: ['10.0.0.1'] });
    expect(await resolverAt(at)('localhost')).toEqual([{ address: '127.0.0.1', family: 4 }, { address: '::1', family: 6 }]);
    expect(asked).toEqual([]);
  });
});

describe('a name', () => {
  it('that changes its answer between two connections gains nothing', async () => {
    const receiver = await receiverThat(closing);
    const { at, records } = await nameServerWith({ 'rebind.test': ['127.0.0.1'] });
    const sender = senderAsking(at);
    const url = `http://rebind.test:${receiver.port}/`;
    expect(await post(sender, url)).toMatchObject({ kind: 'answered', status: 200 });
    records['rebind.test'] = ['127.0.0.2'];
    expect(await post(sender, url)).toMatchObject({ kind: 'forbidden', reason: '127.0.0.2 is a loopback address' });
    expect(receiver.sockets).toHaveLength(1);
  });

  it('is asked for once by each connection: what was judged is what is called', async () => {
    const receiver = await receiverThat(closing);
    const { at, asked } = await nameServerWith({ 'once.test': ['127.0.0.1'] });
    await post(senderAsking(at), `http://once.test:${receiver.port}/`);
    expect(asked.sort()).toEqual(['once.test A', 'once.test AAAA']);
  });

  it.each(['169.254.169.254', '10.0.0.1', '::ffff:10.0.0.1', 'fd00:ec2::254', '64:ff9b::a00:1', '100.100.100.200'])('that leads to %s is refused', async (address) => {
    const { at } = await nameServerWith({ 'inner.test': [address] });
    expect(await post(senderAsking(at), 'http://inner.test/')).toMatchObject({ kind: 'forbidden', reason: expect.stringMatching(/ is a /) as string });
  });

  it('whose servers keep silent costs the others nothing', async () => {
    const receiver = await receiverThat((socket) => { socket.write(ok); });
    const { at } = await nameServerWith({ 'dead.test': 'silent', 'alive.test': ['127.0.0.1'] });
    const sender = senderAsking(at);
    const dead = Array.from({ length: 16 }, () => post(sender, 'http://dead.test/'));
    expect(await post(sender, `http://alive.test:${receiver.port}/`)).toMatchObject({ kind: 'answered', status: 200 });
    sender.close();
    await Promise.all(dead);
  });

  it('in the list of names may lead into our network', async () => {
    const receiver = await receiverThat(closing);
    const { at } = await nameServerWith({ 'crm.test': ['127.0.0.1'], 'other.test': ['127.0.0.1'] });
    const sender = senderAsking(at, createAddressPolicy({ allow: [], allowHosts: ['CRM.test.'] }));
    expect(await post(sender, `http://crm.test:${receiver.port}/`)).toMatchObject({ kind: 'answered' });
    expect(await post(sender, `http://other.test:${receiver.port}/`)).toMatchObject({ kind: 'forbidden' });
  });
});

describe('a service of our own that is known by its name', () => {
  it('is refused from the first webhook on, and follows its name', async () => {
    let nowMs = 0;
    const { at, records } = await nameServerWith({ 'db.test': ['10.0.0.5'] });
    const resolve = resolverAt(at);
    const own = createOwnAddresses([{ host: 'db.test', port: 5432 }], { resolve, nowMs: () => nowMs });
    const policy = createAddressPolicy({ allow: ['10.0.0.0/8'], own });
    const sender = senderAsking(at, policy);
    expect(await post(sender, 'http://10.0.0.5:8080/')).toMatchObject({ kind: 'forbidden', reason: '10.0.0.5 belongs to this service itself' });
    expect(policy.checkUrl('http://10.0.0.6:8080/')).toMatchObject({ kind: 'allowed' });

    records['db.test'] = ['10.0.0.6'];
    nowMs = 30_000;
    const before = own.known();
    expect(own.refresh()).toBeUndefined();
    while (own.known() === before) await resolve('db.test');
    expect(await post(sender, 'http://10.0.0.6:8080/')).toMatchObject({ kind: 'forbidden', reason: '10.0.0.6 belongs to this service itself' });
  });

  it('keeps its address while its name does not resolve', async () => {
    let nowMs = 0;
    const { at, records, asked } = await nameServerWith({ 'db.test': ['10.0.0.5'] });
    const own = createOwnAddresses([{ host: 'db.test', port: 5432 }], { resolve: resolverAt(at), nowMs: () => nowMs });
    await own.refresh();
    delete records['db.test'];
    nowMs = 30_000;
    const before = own.known();
    expect(own.refresh()).toBeUndefined();
    while (own.known() === before) await new Promise(setImmediate);
    expect(asked).toHaveLength(4);
    expect(own.known()).toEqual([{ address: '10.0.0.5', port: 5432 }]);
  });
});

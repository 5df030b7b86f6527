import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAddressPolicy } from '../../src/webhook/address.js';
import { readCertificates } from '../../src/webhook/certificates.js';
import { createSender, type Sender } from '../../src/webhook/send.js';

const fixture = (name: string) => new URL(`../fixtures/tls/${name}`, import.meta.url).pathname;
const authority = fixture('authority.pem');
const receiver = { cert: readFileSync(fixture('receiver.pem')), key: readFileSync(fixture('receiver.key')) };

let folder: string;
const cleanUps: (() => unknown)[] = [];
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'hookswitch-tls-')); });
afterAll(() => { rmSync(folder, { recursive: true }); });
afterEach(async () => { for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp(); });

function file(text: string): string {
  const path = join(folder, 'given.pem');
  writeFileSync(path, text);
  return path;
}

describe('a private authority', () => {
  async function start(): Promise<number> {
    const server = createServer(receiver, (_request, response) => { response.end(); }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanUps.push(() => { server.closeAllConnections(); server.close(); });
    return (server.address() as AddressInfo).port;
  }

  function senderTrusting(certificates: string[]): Sender {
    const sender = createSender({ policy: createAddressPolicy({ allow: ['127.0.0.1'] }), certificates, resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]) });
    cleanUps.push(() => sender.close());
    return sender;
  }

  it.each<[string, string, string[], object]>([
    ['vouches for its receivers by name', 'hook.test', readCertificates(authority), { kind: 'answered', status: 200 }],
    ['and by address', '127.0.0.1', readCertificates(authority), { kind: 'answered', status: 200 }],
    ['does not vouch for other names', 'evil.test', readCertificates(authority), { kind: 'unreachable', code: 'ERR_TLS_CERT_ALTNAME_INVALID' }],
    ['is not trusted unless it is configured', 'hook.test', [], { kind: 'unreachable', code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }],
  ])('%s', async (_name, host, certificates, expected) => {
    expect(await senderTrusting(certificates).send({ url: `https://${host}:${await start()}/`, body: Buffer.from('{}'), headers: {} })).toMatchObject(expected);
  });
});

describe('the file with certificates', () => {
  it('may hold several, with anything around them', () => {
    const pem = readFileSync(authority, 'utf8');
    expect(readCertificates(file(`# ours\n${pem}\nand the same again:\r\n${pem.replaceAll('\n', '\r\n')}`))).toHaveLength(2);
  });

  it.each<[string, () => string, RegExp]>([
    ['that is not there', () => join(folder, 'none.pem'), /^The certificates in .*none\.pem cannot be read$/],
    ['that is a folder', () => folder, /cannot be read$/],
    ['without one', () => file('hello'), /has no certificate; a PEM file is needed/],
    ['with a key only', () => fixture('receiver.key'), /has no certificate; a PEM file is needed/],
    ['with a damaged one', () => file(`${readFileSync(authority, 'utf8')}\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`), /^Certificate 2 in .* is damaged$/],
  ])('%s is refused, with its name', (_name, path, message) => {
    expect(() => readCertificates(path())).toThrow(message);
  });
});

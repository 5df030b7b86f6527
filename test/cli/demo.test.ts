import { existsSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newSecret, sign, SigningKey } from '../../src/webhook/sign.js';

const PROGRAM = new URL('../../bin/hookswitch.js', import.meta.url).pathname;
const WEBHOOK = /^ {2}\d\d:\d\d:\d\d\.\d{3} {2}[ab]\.example\.test {2}(ringing|answered|hangup|cdr) /;

let temporary: string;
let demo: ReturnType<typeof startDemo> | undefined;
beforeEach(async () => { temporary = await mkdtemp(join(tmpdir(), 'hookswitch-test-demo-')); });
afterEach(async () => {
  demo?.signal('SIGTERM'); // after a failure it may still run, with its Postgres
  await demo?.exited;
  demo = undefined;
  await rm(temporary, { recursive: true, force: true });
});

/** The built demo as a process of its own, in a temporary folder of its own, with settings that would break a daemon. */
function startDemo(pace: 'real' | 'full') {
  const child = spawn(process.execPath, [PROGRAM, 'demo', '--pace', pace], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', TMPDIR: temporary, DATABASE_URL: 'postgres://127.0.0.1:1/none', HOOKSWITCH_HTTP_PORT: 'none', HOOKSWITCH_CONFIG: '/nowhere' },
  });
  const waiters: { text: string; resolve: () => void }[] = [];
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
      for (const { text: awaited, resolve } of waiters) if (said.stdout.includes(awaited)) resolve();
    });
  }
  return {
    said,
    /** Resolves when standard output has had this text. */
    shown: (text: string) => new Promise<void>((resolve) => {
      if (said.stdout.includes(text)) resolve(); else waiters.push({ text, resolve });
    }),
    signal: (signal: NodeJS.Signals) => { child.kill(signal); },
    exited: once(child, 'close').then(([code]) => code as number | null),
  };
}

/** The pid of the demo's Postgres. */
async function postgresIn(folder: string): Promise<number> {
  const files = (await readdir(folder)).map((own) => join(folder, own, 'postgres/data/postmaster.pid'));
  return Number.parseInt(await readFile(files.find((file) => existsSync(file))!, 'utf8'), 10);
}

it('plays calls of every kind, gets all their webhooks and leaves nothing behind', async () => {
  demo = startDemo('full');
  const { said, exited } = demo;
  const exit = await exited;
  expect({ exit, why: exit === 0 ? '' : said.stderr }).toEqual({ exit: 0, why: '' });
  const lines = said.stdout.trimEnd().split('\n');
  expect(lines.filter((line) => WEBHOOK.test(line))).toHaveLength(44);
  expect(lines.at(-1)).toMatch(/^8 calls, 44 webhooks, all as expected\. Median .* \d+\.\d ms\.$/);
  for (const kind of ['Outbound', 'Inbound', 'Ring group', 'Queue', 'Click to call', 'Transfer', 'Two tenants']) expect(said.stdout).toContain(`\n${kind}: `);
  expect(said.stdout).not.toContain('\u001b'); // no terminal, no colours
  expect(await readdir(temporary)).toEqual([]);
}, 180_000);

it.each(['SIGINT', 'SIGTERM'] as const)('ends on %s in mid-call, and leaves nothing behind', async (signal) => {
  demo = startDemo('real');
  const { said, shown, signal: send, exited } = demo;
  await shown('ringing');
  const postgres = await postgresIn(temporary);
  send(signal);
  send(signal); // npm passes on what the terminal sends as well
  expect(await exited).toBe(1);
  expect(said.stderr).toContain('Stopped before its end');
  expect(await readdir(temporary)).toEqual([]);
  expect(() => process.kill(postgres, 0)).toThrow('ESRCH');
}, 180_000);

describe('the example receiver', () => {
  interface Webhook { id: string; payload: { state: string } }
  let server: Server;
  let listen: (proofs: { key?: string; secret?: string }) => Promise<void>;
  const handled: Webhook[] = [];
  let fails = false;

  beforeEach(async () => {
    const { createReceiver } = await import(new URL('../../examples/receiver-node/receiver.mjs', import.meta.url).href) as {
      createReceiver: (options: { key?: string; secret?: string; onWebhook: (webhook: Webhook) => void }) => Server;
    };
    handled.length = 0;
    fails = false;
    const onWebhook = (webhook: Webhook) => { if (fails) throw new Error('no room'); handled.push(webhook); };
    listen = (proofs) => new Promise((resolve) => { server = createReceiver({ ...proofs, onWebhook }).listen(0, '127.0.0.1', resolve); });
    await listen({ key: 'right' });
  });
  afterEach(() => { server.close(); server.closeAllConnections(); });

  async function post({ body = '{"state":"ringing"}', ...headers }: Record<string, string> = {}): Promise<number> {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/calls`;
    const { status } = await fetch(url, { method: 'POST', body, headers: { authorization: 'Bearer right', 'webhook-id': '1', ...headers } });
    return status;
  }

  it('handles a webhook once, however often it comes', async () => {
    expect([await post(), await post(), await post({ 'webhook-id': '2' })]).toEqual([204, 204, 204]);
    expect(handled).toMatchObject([{ id: '1', payload: { state: 'ringing' } }, { id: '2' }]);
  });

  it('answers 500 while it cannot handle a webhook, and handles it when it comes again', async () => {
    fails = true;
    expect(await post()).toBe(500);
    fails = false;
    expect(await post()).toBe(204);
    expect(handled).toHaveLength(1);
  });

  it.each([
    ['a wrong key', { authorization: 'Bearer wrong' }, 401],
    ['no key', { authorization: '' }, 401],
    ['no JSON', { body: 'hello' }, 400],
    ['JSON that is no webhook', { body: 'null' }, 400],
    ['too much', { body: 'x'.repeat(70_000) }, 413],
  ])('refuses %s', async (_what, given, status) => {
    expect(await post(given)).toBe(status);
    expect(handled).toEqual([]);
  });

  describe('with a secret', () => {
    const BODY = '{"state":"cdr","from_number":"Zoë"}';
    const secret = newSecret();
    beforeEach(async () => {
      server.close();
      await listen({ secret });
    });

    async function signed({ by = secret, ageSeconds = 0, sent = BODY } = {}): Promise<number> {
      const timestamp = String(Math.floor(Date.now() / 1_000) - ageSeconds);
      const signature = sign({ id: '1', timestamp, body: Buffer.from(BODY) }, by.split(' ').map((one) => SigningKey.of(one)!));
      return await post({ body: sent, 'webhook-timestamp': timestamp, 'webhook-signature': signature });
    }

    it.each([['its secret', {}], ['a new secret and its own', { by: `${newSecret()} ${secret}` }], ['a clock that differs by four minutes', { ageSeconds: 240 }], ['one that is ahead', { ageSeconds: -240 }]])(
      'takes what is signed with %s', async (_what, how) => {
        expect(await signed(how)).toBe(204);
        expect(handled).toHaveLength(1);
      });

    it.each([['another secret', { by: newSecret() }], ['a body that is not the one sent', { sent: '{"state":"cdr"}' }], ['an old timestamp', { ageSeconds: 360 }], ['one that is far ahead', { ageSeconds: -360 }]])(
      'refuses what is signed with %s', async (_what, how) => {
        expect(await signed(how)).toBe(401);
        expect(handled).toEqual([]);
      });

    it.each([['no signature', {}], ['no timestamp', { 'webhook-signature': 'v1,AAAA' }], ['nonsense', { 'webhook-timestamp': 'now', 'webhook-signature': 'v1' }],
      ['another version', { 'webhook-timestamp': String(Math.floor(Date.now() / 1_000)), 'webhook-signature': 'v2,AAAA' }]])('refuses %s', async (_what, headers) => {
      expect(await post(headers as Record<string, string>)).toBe(401);
    });
  });
});

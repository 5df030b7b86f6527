import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Webhook } from 'standardwebhooks';
import { onThisMachine } from '../support/language.js';

const EXAMPLES = new URL('../../examples/', import.meta.url).pathname;
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=';
const KEY = 'a-secret-of-the-receiver';
const BODY = JSON.stringify({
  application: 'dial', call_id: '7cc17366-b8fb-4855-b285-3a0041cb9a8f', domain: 'a.example.test', direction: 'inbound', from_number: '09\u001b[31m12\u0085', to_number: '1001',
  hotline: '842873001001', state: 'hangup', duration: 5, billsec: 3,
});

/** The examples as processes, and what each says when it listens. */
const RECEIVERS = [
  { name: 'Node', program: 'node', listens: /listening on port/, run: () => ['receiver-node/receiver.mjs'] },
  { name: 'Python', program: 'python3', listens: /listening on port/, run: () => ['receiver-python/receiver.py'] },
  { name: 'PHP', program: 'php', listens: /Development Server .* started/, run: (port: number) => ['-S', `127.0.0.1:${port}`, 'receiver-php/receiver.php'] },
] as const;

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe.each(RECEIVERS.filter(({ name, program }) => onThisMachine(name, program)))('the receiver in $name', ({ program, listens, run }) => {
  let child: ChildProcess;
  let folder: string;
  let url: string;
  let lines: AsyncIterator<string>;
  let count = 0;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hookswitch-test-receiver-'));
    const port = await freePort();
    url = `http://127.0.0.1:${port}/calls`;
    child = spawn(program, run(port), { cwd: EXAMPLES, stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], PORT: String(port), WEBHOOK_SECRET: SECRET, WEBHOOK_KEY: KEY, WEBHOOK_INBOX: join(folder, 'inbox') } });
    lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
    for await (const line of createInterface(child.stderr!)) if (listens.test(line)) break;
    child.stderr!.resume();
  }, 60_000);
  afterAll(async () => {
    if (child.exitCode === null && child.kill()) await once(child, 'exit');
    await rm(folder, { recursive: true, force: true });
  });

  const fresh = () => `webhook-${count += 1}`;
  const signed = (id: string, { body = BODY, secret = SECRET, ageSeconds = 0 } = {}) => {
    const at = new Date(Date.now() - ageSeconds * 1_000);
    return {
      'content-type': 'application/json; charset=utf-8', authorization: `Bearer ${KEY}`,
      'webhook-id': id, 'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)), 'webhook-signature': new Webhook(secret).sign(id, at, body),
    };
  };
  const post = async (headers: Record<string, string>, body: string = BODY) => (await fetch(url, { method: 'POST', headers, body })).status;

  /** What was printed since the last time: all up to the line of a webhook that is sent for this, since an answer may be here before the line is. */
  async function printed(): Promise<string[]> {
    const last = fresh();
    const body = BODY.replace('7cc17366-b8fb-4855-b285-3a0041cb9a8f', last);
    expect(await post(signed(last, { body }), body)).toBe(204);
    const before: string[] = [];
    for (;;) {
      const next = await lines.next();
      if (next.done === true) throw new Error(`the receiver has ended after ${before.join('; ')}`);
      if (next.value.endsWith(last)) return before;
      before.push(next.value.replace(/^\d\d:\d\d:\d\d\.\d{3} +/, '').replace(/ {2,}/g, '  ')); // the one in Node has the time before it, and columns
    }
  }

  it('takes a webhook and prints it as a line, without what a terminal would obey', async () => {
    expect(await post(signed(fresh()))).toBe(204);
    expect(await printed()).toEqual(['a.example.test  hangup  inbound  09?[31m12? → 1001  5 s, talked 3 s  7cc17366-b8fb-4855-b285-3a0041cb9a8f']);
  });

  it('drops repeats, also two at once', async () => {
    const headers = signed(fresh());
    expect(await Promise.all([post(headers), post(headers)])).toEqual([204, 204]);
    expect(await post(headers)).toBe(204);
    expect(await printed()).toHaveLength(1);
  });

  it('takes a webhook signed with two secrets, one of them its own', async () => {
    const headers = signed(fresh());
    expect(await post({ ...headers, 'webhook-signature': `v1,${Buffer.alloc(32, 7).toString('base64')} ${headers['webhook-signature']}` })).toBe(204);
    expect(await printed()).toHaveLength(1);
  });

  it.each<[string, number, () => readonly [Record<string, string>, string?]]>([
    ['of another secret', 401, () => [signed(fresh(), { secret: 'whsec_QTJmS3JwNnhSdG1jVzlzWkQ4eUxoVjNuRzVxVDFqQmE=' })]],
    ['changed on its way', 401, () => [signed(fresh()), BODY.replace('hangup', 'hangvp')]],
    ['more than five minutes old', 401, () => [signed(fresh(), { ageSeconds: 302 })]],
    ['with another key', 401, () => [{ ...signed(fresh()), authorization: 'Bearer guess' }]],
    ['that is no JSON', 400, () => [signed(fresh(), { body: 'state=hangup' }), 'state=hangup']],
    ['that is no webhook', 400, () => [signed(fresh(), { body: '[]' }), '[]']],
    ['of more than 64 KiB', 413, () => [signed(fresh()), 'x'.repeat(65_537)]],
  ])('refuses one %s', async (_name, status, request) => {
    expect(await post(...request())).toBe(status);
    expect(await printed()).toEqual([]);
  });

  it('answers other methods than POST with 405', async () => {
    expect((await fetch(url)).status).toBe(405);
  });
});

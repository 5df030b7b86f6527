import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { addDomain } from '../../src/db/tenants.js';
import { insertToken } from '../../src/db/tokens.js';
import { hashToken, newToken } from '../../src/http/token.js';
import { startDaemon, type DaemonProcess } from '../support/daemon.js';
import { createDatabase } from '../support/postgres.js';
import { startReceiver, type Receiver } from '../support/receiver.js';

/** The commands of a page, block by block. */
const commandsOf = (page: string) => [...readFileSync(new URL(`../../docs/${page}`, import.meta.url), 'utf8').matchAll(/^```sh\n(.*?)^```$/gms)].map(([, code]) => code!);

type Answer = Record<string, unknown>;

let database: Awaited<ReturnType<typeof createDatabase>>;
let receiver: Receiver;
let daemon: DaemonProcess;
let token: string;
beforeAll(async () => {
  [database, receiver] = [await createDatabase(), await startReceiver({ otherwise: 204 })];
  const { domain } = await addDomain(database.pool, 'acme.example');
  token = newToken();
  await insertToken(database.pool, { sha256: hashToken(token), label: 'crm', domainId: domain.id, expiresAt: null });
  daemon = await startDaemon({ DATABASE_URL: database.url, HOOKSWITCH_SWITCH_PORT: '1', HOOKSWITCH_NAME: 'quick-start' });
});
afterAll(async () => {
  await daemon.stop();
  await receiver.close();
  await database.drop();
});

/** Runs one block as a reader would, but for what stands for his own: URL and ids. What it prints are answers of the API. */
async function run(block: string, own: Readonly<Record<string, string>> = {}): Promise<Answer[]> {
  const command = Object.entries({ ...own, 'https://crm.example.com/calls': receiver.url }).reduce((text, [shown, real]) => text.replaceAll(shown, real), block);
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', command], { env: { PATH: process.env['PATH'], API: daemon.api, TOKEN: token } });
  return stdout.trim().split(/\n|(?<=\})(?=\{)/).map((text) => JSON.parse(text) as Answer);
}

const ID = 'a8cd9f00-e73a-4c0e-a354-a758592cc2fb';
const CALL = '0f6bd1cf-6c8c-4a26-9b3c-2f0d5f0b7a41';
const TEXT = expect.any(String) as string;
const NUMBER = expect.any(Number) as number;

it('what the pages for tenants tell them to type does what they say', async () => {
  const [, subscribe, test, look] = commandsOf('quick-start.md');
  const [enable, retry, replay] = commandsOf('reliability.md');

  const subscribed = await run(subscribe!);
  expect(subscribed).toEqual(Array.from({ length: 4 }, () => ({ created: true, event_domain_uuid: TEXT, secret: expect.stringMatching(/^whsec_/) as string })));
  expect(new Set(subscribed.map(({ secret }) => secret)).size).toBe(1);

  const id = subscribed[0]!['event_domain_uuid'] as string;
  const [tested] = await run(test!, { [ID]: id });
  await receiver.received(4);
  expect(receiver.posts.map(({ headers }) => [headers['x-hookswitch-event'], headers['x-hookswitch-synthetic']])).toEqual(['ringing', 'answered', 'hangup', 'cdr'].map((event) => [event, 'test']));
  const { call_id: call, deliveries } = tested as { call_id: string; deliveries: string[] };
  expect(receiver.posts.map(({ headers }) => headers['webhook-id'])).toEqual(deliveries);

  // An answer is written down a moment after it was given.
  let [seen, listed] = await run(look!, { [CALL]: call });
  while ((seen!['deliveries'] as { attempts: Answer[] }[]).some(({ attempts }) => attempts.length === 0)) [seen, listed] = await run(look!, { [CALL]: call });
  expect((listed!['data'] as { state: string }[]).map(({ state }) => state)).toEqual(Array.from({ length: 4 }, () => 'delivered'));
  expect((seen!['deliveries'] as { delivery_id: string }[]).map((delivery) => delivery.delivery_id)).toEqual(deliveries);
  expect((seen!['deliveries'] as { attempts: Answer[] }[]).flatMap(({ attempts }) => attempts.map(({ status }) => status))).toEqual([204, 204, 204, 204]);

  expect(await run(enable!, { [ID]: id })).toMatchObject([{ event_domain_uuid: id, enabled: true, held: 0 }]);

  expect(await run(retry!, { '6d0a1c1e-6a43-8f6a-9a3b-58c02c3a1f0e': deliveries[3]! })).toEqual([{ delivery_id: deliveries[3], state: 'pending' }]);
  await receiver.received(5);
  expect(receiver.posts[4]!.headers).toMatchObject({ 'webhook-id': deliveries[3], 'x-hookswitch-sequence': '4', 'x-hookswitch-replay': 'true' });

  const [begin, progress] = replay!.split(/\n(?=curl)/);
  const [begun] = await run(begin!);
  expect(begun).toEqual({ replay_id: TEXT });
  expect(await run(progress!, { '5f0c0d9e-3a52-4a0c-9d6c-0d3a8c1f2b77': begun!['replay_id'] as string })).toMatchObject([{ replay_id: begun!['replay_id'], replayed: NUMBER }]);
}, 60_000);

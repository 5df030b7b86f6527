import { randomBytes } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Payload } from '../calls/notice.js';

/** One webhook as the example hands it on; `at` is when it came. */
export interface Webhook { readonly id: string; readonly at: Date; readonly payload: Payload }

/** What examples/receiver-node/receiver.mjs offers. */
interface Example {
  readonly createReceiver: (options: { key: string; secret: () => string; onWebhook: (webhook: Webhook) => void }) => Server;
  readonly line: (webhook: Webhook) => string;
}

/** One tenant's receiver on this machine. It takes what is signed with the secret that it was told to expect. */
export interface Receiver { readonly domain: string; readonly url: string; readonly key: string; expect(secret: string): void; close(): void }

/** Starts the example for each of the domains, each with a key of its own, on free ports. `onWebhook` also gets the line that the example prints. */
export async function startReceivers(domains: readonly string[], onWebhook: (webhook: Webhook, line: string) => void): Promise<Receiver[]> {
  // Shipped beside us and not compiled: a tenant takes that file as it is. Both src/demo/ and dist/demo/ lie two levels below the package.
  const { createReceiver, line } = await import(new URL('../../examples/receiver-node/receiver.mjs', import.meta.url).href) as Example;
  return await Promise.all(domains.map(async (domain) => {
    const key = randomBytes(24).toString('base64url');
    let expected = '';
    const server = createReceiver({ key, secret: () => expected, onWebhook: (webhook) => onWebhook(webhook, line(webhook)) });
    await new Promise<void>((resolve, reject) => { server.once('error', reject).listen(0, '127.0.0.1', resolve); });
    const { port } = server.address() as AddressInfo;
    return { domain, key, url: `http://127.0.0.1:${port}/calls`, expect: (secret) => { expected = secret; }, close: () => { server.close(); server.closeAllConnections(); } };
  }));
}

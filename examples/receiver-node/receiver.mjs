// A receiver of Hookswitch's webhooks, to copy and build on. It needs Node 20 or later and nothing else.
//
//   WEBHOOK_KEY=<the subscription's key> PORT=3000 node receiver.mjs
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

/** Bodies are below 2 KB; whoever sends more than this is not Hookswitch. */
const LONGEST_BODY = 65_536;

/** How many webhooks are known again. Keep the ids in your database instead if a repeat after a restart would do harm. */
const REMEMBERED = 100_000;

/**
 * An HTTP server that calls `onWebhook({ id, at, payload })` once for each webhook, however often it is sent, and answers
 *
 *   204  it is ours now, and never sent again. So store it in `onWebhook`, and do whatever takes long later: the sender waits 10 s at most.
 *   401  the key is wrong
 *   4xx  it is no webhook
 *   500  `onWebhook` threw or rejected; it is sent again, at first 5 s later
 */
export function createReceiver({ key, onWebhook }) {
  const handled = new Map();

  /** A repeat that comes while the first is still being stored waits for it: answered earlier, it could be lost with it. */
  function once(webhook) {
    const before = handled.get(webhook.id);
    if (before !== undefined) return before;
    const now = Promise.resolve(webhook).then(onWebhook);
    handled.set(webhook.id, now);
    now.catch(() => handled.delete(webhook.id));
    if (handled.size > REMEMBERED) handled.delete(handled.keys().next().value);
    return now;
  }

  const server = createServer(async (request, response) => {
    response.writeHead(await receive(request, key, once).catch(() => 500)).end();
  });
  // Longer than the sender keeps an unused connection (30 s), so that it never posts into one that we are just closing.
  server.keepAliveTimeout = 60_000;
  return server;
}

/** One webhook as a line to read: time, tenant, state, direction, from → to, how it went, call id. */
export function line({ at, payload }) {
  const { domain, state, direction, from_number: from, to_number: to, call_id: id, status, duration, billsec } = payload;
  const went = { hangup: `${duration} s, talked ${billsec} s`, cdr: status }[state] ?? '';
  const columns = [at.toISOString().slice(11, 23), domain, state.padEnd(8), direction.padEnd(8), `${from} → ${to}`.padEnd(18), went.padEnd(17), id];
  return columns.join('  ').replace(/\p{Cc}/gu, '?'); // numbers come from callers, and a terminal obeys control characters
}

async function receive(request, key, once) {
  const at = new Date();
  const { authorization, 'content-length': length, 'webhook-id': id } = request.headers;
  if (request.method !== 'POST') return 405;
  if (!isRight(authorization, key)) return 401;
  if (!(Number(length) <= LONGEST_BODY)) return 413;
  const payload = parse(await read(request));
  if (id === undefined || payload === undefined) return 400;
  await once({ id, at, payload });
  return 204;
}

/** Compared as hashes, which are of one length, and in constant time, so that the answer's delay tells nothing about the key. */
function isRight(authorization = '', key) {
  const hash = (text) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(authorization), hash(`Bearer ${key}`));
}

async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function parse(text) {
  try {
    const payload = JSON.parse(text);
    return typeof payload?.state === 'string' ? payload : undefined;
  } catch {
    return undefined;
  }
}

/** Run by itself, and not imported, it prints what it receives. */
if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { WEBHOOK_KEY: key, PORT: port = '3000' } = process.env;
  if (key === undefined) throw new Error('Set WEBHOOK_KEY to the key of the subscription (callback_apikey)');
  createReceiver({ key, onWebhook: (webhook) => console.log(line(webhook)) }).listen(Number(port));
}

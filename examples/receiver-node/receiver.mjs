// A receiver of Hookswitch's webhooks, to copy and build on. It needs Node 20 or later and nothing else.
//
//   WEBHOOK_SECRET=whsec_<the URL's secret> WEBHOOK_KEY=<the subscription's key> PORT=3000 node receiver.mjs
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

/** Bodies are below 2 KB; whoever sends more than this is not Hookswitch. */
const LONGEST_BODY = 65_536;

/** How far the sender's clock may be from ours, in seconds. What is older may be an old webhook that somebody sends again. */
const TOLERANCE = 300;

/** How many webhooks are known again. Keep the ids in your database instead if a repeat after a restart would do harm. */
const REMEMBERED = 100_000;

/**
 * An HTTP server that calls `onWebhook({ id, at, payload })` once for each webhook, however often it is sent, and answers
 *
 *   204  it is ours now, and never sent again. So store it in `onWebhook`, and do whatever takes long later: the sender waits 10 s at most.
 *   401  the key or the signature is wrong
 *   4xx  it is no webhook
 *   500  `onWebhook` threw or rejected; it is sent again, at first 5 s later
 *
 * With `key` it wants that key, with `secret` a signature made with that secret; a function is asked for it each time.
 */
export function createReceiver({ key, secret, onWebhook }) {
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
    response.writeHead(await receive(request, { key, secret }, once).catch(() => 500)).end();
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

async function receive(request, { key, secret }, once) {
  const at = new Date();
  const { authorization, 'content-length': length, 'webhook-id': id } = request.headers;
  if (request.method !== 'POST') return 405;
  if (key !== undefined && !isRight(authorization, key)) return 401;
  if (!(Number(length) <= LONGEST_BODY)) return 413;
  const body = await read(request);
  if (secret !== undefined && !isSigned(request.headers, body, typeof secret === 'function' ? secret() : secret, at)) return 401;
  const payload = parse(body.toString());
  if (id === undefined || payload === undefined) return 400;
  await once({ id, at, payload });
  return 204;
}

/** Compared as hashes, which are of one length, and in constant time, so that the answer's delay tells nothing about the key. */
function isRight(authorization = '', key) {
  const hash = (text) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(authorization), hash(`Bearer ${key}`));
}

/**
 * Whether the webhook is signed with the secret, just now, and arrived as it was sent: over its bytes, before anything parses them.
 * While the secret is being changed there are two signatures, and either will do.
 */
function isSigned({ 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures = '' }, body, secret, now) {
  if (!(Math.abs(now.getTime() / 1000 - Number(timestamp)) <= TOLERANCE)) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const right = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
  return signatures.split(' ').some((one) => {
    const [version, text = ''] = one.split(',');
    const given = Buffer.from(text, 'base64');
    return version === 'v1' && given.length === right.length && timingSafeEqual(given, right);
  });
}

async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
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
  const { WEBHOOK_KEY: key, WEBHOOK_SECRET: secret, PORT: port = '3000' } = process.env;
  if (key === undefined && secret === undefined) throw new Error('Set WEBHOOK_SECRET to the secret of the URL (whsec_…), or WEBHOOK_KEY to the key of the subscription (callback_apikey)');
  createReceiver({ key, secret, onWebhook: (webhook) => console.log(line(webhook)) })
    .listen(Number(port), function listening() { console.error(`listening on port ${this.address().port}`); });
}

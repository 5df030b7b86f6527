import { Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import got, { RequestError, type Request } from 'got';
import type { AddressPolicy } from './address.js';
import { AddressRefused, createCheckedLookup, createResolver, type Lookup, type Resolve } from './lookup.js';
import type { Answer, Reply } from './outcome.js';
import { retryAfterMs } from './retry-after.js';

export interface SenderOptions {
  policy: AddressPolicy;
  /** How long one POST may take from first to last: waiting for a connection, the name's lookup and a repeated request included. */
  timeoutMs?: number;
  /** How much of an answer's body is read before its connection is cut. */
  maxResponseBytes?: number;
  /** Connections to one origin at once; further POSTs wait for one, within their deadline. */
  maxSocketsPerOrigin?: number;
  /** How long an unused connection is kept. Below the 60 s after which common servers close theirs, so that we are first. */
  idleMs?: number;
  resolve?: Resolve;
  /** Certificate authorities (PEM) to trust instead of the well-known ones. */
  certificateAuthority?: string;
  now?: () => Date;
}

/** One webhook as it goes over the wire. */
export interface PostRequest { url: string; body: Buffer; headers: Record<string, string> }

/** Keeps the connections to all receivers. */
export interface Sender {
  /**
   * POSTs once and reports what came back; never throws for anything that a receiver, its URL or DNS can cause. The status
   * is the answer: a body that is endless, slow or broken off does not undo it. Codes are Node's; ETIMEDOUT is also our own
   * deadline, ECANCELED a POST given up through `signal`.
   */
  send(request: PostRequest, signal?: AbortSignal): Promise<Reply>;
  /** Ends every connection; POSTs in hand end as `unreachable`. */
  close(): void;
}

interface Agents { http: HttpAgent; https: HttpsAgent }

/** See `Sender`. Opens nothing by itself. */
export function createSender(options: SenderOptions): Sender {
  const { policy, timeoutMs = 10_000, maxResponseBytes = 65_536, certificateAuthority, now = () => new Date() } = options;
  const lookup = createCheckedLookup(policy, options.resolve ?? createResolver());
  const kept = createAgents(lookup, options, { keepAlive: true });
  const fresh = createAgents(lookup, options, { keepAlive: false });
  // Everything that got would do by itself is off: the outbox repeats, and a redirect would take a signed request to an
  // address that nobody checked. A stream costs a fifth less than got's promise, and its answer can be cut short.
  const post = got.extend({
    method: 'POST', isStream: true, retry: { limit: 0 }, followRedirect: false, throwHttpErrors: false, decompress: false, strictContentLength: false,
    ...(certificateAuthority === undefined ? {} : { https: { certificateAuthority } }),
  });

  async function send({ url, body, headers }: PostRequest, signal?: AbortSignal): Promise<Reply> {
    const target = policy.checkUrl(url);
    if (target.kind === 'refused') return { kind: 'forbidden', reason: target.reason, timing: { totalMs: 0 } };
    const startedAtMs = performance.now();
    const deadline = openDeadline(timeoutMs, signal);
    const attempt = (agent: Agents) => {
      const request = post(target.url, { body, headers, agent, signal: deadline.signal }) as unknown as Request;
      return exchange(request, { maxResponseBytes, now, deadline: deadline.signal });
    };
    try {
      const first = await attempt(kept);
      // The receiver closed a kept connection just as we used it, as a rule without having seen this POST; where it has, the
      // webhook's id tells it so. That is no failure of an attempt.
      const answer = first.stale ? (await attempt(fresh)).reply : first.reply;
      return { ...answer, timing: { totalMs: performance.now() - startedAtMs } };
    } finally {
      deadline.clear();
    }
  }

  return { send, close: () => { for (const { http, https } of [kept, fresh]) { http.destroy(); https.destroy(); } } };
}

/** One timer for the whole POST: got's own cost more, and begin anew with each request. The reason of `signal` is the code to report. */
function openDeadline(timeoutMs: number, outer: AbortSignal | undefined): { signal: AbortSignal; clear(): void } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort('ETIMEDOUT'), timeoutMs);
  const giveUp = () => controller.abort('ECANCELED');
  outer?.addEventListener('abort', giveUp, { once: true });
  if (outer?.aborted) giveUp();
  return { signal: controller.signal, clear: () => { clearTimeout(timer); outer?.removeEventListener('abort', giveUp); } };
}

interface Bounds { maxResponseBytes: number; now: () => Date; deadline: AbortSignal }

/** One request to its end. Resolves when the answer has been read or cut off, so that its connection is free or gone by then. */
function exchange(request: Request, { maxResponseBytes, now, deadline }: Bounds): Promise<{ reply: Answer; stale: boolean }> {
  return new Promise((resolve) => {
    let answer: Answer | undefined;
    let received = 0;
    const end = (failure: Answer, stale = false) => {
      request.destroy();
      resolve({ reply: answer ?? failure, stale: stale && answer === undefined });
    };
    request.once('response', ({ statusCode, headers }: IncomingMessage) => {
      const status = statusCode ?? 0;
      const waitMs = retryAfterMs(status, headers['retry-after'], now());
      answer = { kind: 'answered', status, excerpt: '', ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }) };
    });
    request.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received > maxResponseBytes) end(CLOSED);
    });
    // A receiver that switches protocols is handed the connection for good; nobody else would ever end it.
    request.once('upgrade', ({ statusCode }: IncomingMessage, socket: Socket) => {
      socket.destroy();
      end({ kind: 'answered', status: statusCode ?? 0, excerpt: '' });
    });
    request.once('end', () => end(CLOSED));
    request.once('close', () => end(CLOSED));
    // Not `once`: destroying a request may make it report a second error, which without a listener would end the process.
    request.on('error', (error: unknown) => end(failureOf(error, deadline), isStale(error, request) && !deadline.aborted));
  });
}

const CLOSED: Answer = { kind: 'unreachable', code: 'ECONNRESET' };

function failureOf(error: unknown, deadline: AbortSignal): Answer {
  if (deadline.aborted) return { kind: 'unreachable', code: String(deadline.reason) };
  if (!(error instanceof RequestError)) return CLOSED;
  if (error.cause instanceof AddressRefused) return { kind: 'forbidden', reason: error.cause.message };
  return { kind: 'unreachable', code: error.code };
}

function isStale(error: unknown, request: Request): boolean {
  return request.reusedSocket === true && error instanceof RequestError && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}

function createAgents(lookup: Lookup, { maxSocketsPerOrigin = 64, idleMs = 30_000 }: SenderOptions, keep: { keepAlive: boolean }): Agents {
  // `timeout` ends only connections that nobody uses; a POST in hand has its own deadline.
  // A burst that has ended leaves as many connections unused as it had; the next one wants them all.
  const agentOptions = { ...keep, lookup, maxSockets: maxSocketsPerOrigin, maxFreeSockets: maxSocketsPerOrigin, timeout: idleMs };
  return { http: new HttpAgent(agentOptions), https: new HttpsAgent(agentOptions) };
}

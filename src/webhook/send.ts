import got, { type Request } from 'got';
import type { AddressPolicy } from './address.js';
import { portOf } from './address.js';
import { trusting } from './certificates.js';
import { Deadline } from './deadline.js';
import { exchange, type Exchanged } from './exchange.js';
import { AddressRefused, createCheckedLookup, resolveAllowed } from './lookup.js';
import type { Answer, Reply } from './outcome.js';
import { createResolver, type Resolve } from './resolver.js';
import { createRoutes } from './routes.js';
import { Stopwatch } from './stopwatch.js';

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
  /** Certificate authorities (PEM) to trust besides the well-known ones. */
  certificates?: readonly string[];
  /** See `RouteOptions`. */
  proxyUrl?: string;
  noProxy?: readonly string[];
  now?: () => Date;
  /** Milliseconds of a clock that never goes back, for what a POST takes. */
  nowMs?: () => number;
}

/** One webhook as it goes over the wire. */
export interface PostRequest { url: string; body: Buffer; headers: Record<string, string> }

/** Keeps the connections to all receivers. */
export interface Sender {
  /**
   * POSTs once and reports what came back; never throws for anything that a receiver, its URL, its key or DNS can cause. The
   * status is the answer: a body that is endless, slow or broken off does not undo it. Codes are Node's; ETIMEDOUT is also our
   * own deadline, ECANCELED a POST given up through `signal`, PROXY_403 and its like what a proxy said instead.
   */
  send(request: PostRequest, signal?: AbortSignal): Promise<Reply>;
  /** Ends every connection; POSTs in hand end as `unreachable`. */
  close(): void;
}

/** See `Sender`. Opens nothing by itself. */
export function createSender(options: SenderOptions): Sender {
  const { policy, timeoutMs = 10_000, maxResponseBytes = 65_536, resolve = createResolver(), certificates = [] } = options;
  const { maxSocketsPerOrigin = 64, idleMs = 30_000, proxyUrl, noProxy, now = () => new Date(), nowMs = () => performance.now() } = options;
  const secureContext = certificates.length === 0 ? undefined : trusting(certificates);
  const routes = createRoutes({ maxSocketsPerOrigin, idleMs, connectMs: timeoutMs, secureContext, proxyUrl, noProxy });
  // Everything that got would do by itself is off: the outbox repeats, and a redirect would take a signed request to an
  // address that nobody checked. A stream costs a fifth less than got's promise, and its answer can be cut short.
  const post = got.extend({
    method: 'POST', isStream: true, retry: { limit: 0 }, followRedirect: false, throwHttpErrors: false, decompress: false, strictContentLength: false,
  });

  async function send(given: PostRequest, signal?: AbortSignal): Promise<Reply> {
    const stopwatch = new Stopwatch(nowMs);
    const deadline = new Deadline(timeoutMs, signal);
    try {
      const answer = await postOnce(given, deadline, stopwatch);
      return { ...answer, timing: stopwatch.timing() };
    } finally {
      deadline.clear();
    }
  }

  async function postOnce({ url, body, headers }: PostRequest, deadline: Deadline, stopwatch: Stopwatch): Promise<Answer> {
    const refreshed = policy.refresh();
    if (refreshed !== undefined) await deadline.bound(refreshed);
    const target = policy.checkUrl(url);
    if (target.kind === 'refused') return { kind: 'forbidden', reason: target.reason };
    const viaProxy = routes.isProxied(target.url);
    if (viaProxy && target.lookUp !== undefined) {
      const failure = await lookAhead(target.lookUp, portOf(target.url), deadline);
      stopwatch.resolved();
      if (failure !== undefined) return failure;
    }
    const lookup = createCheckedLookup(policy, resolve, portOf(target.url));
    const sent = { ...headers, 'content-length': body.length };
    const attempt = async (fresh: boolean): Promise<Exchanged> => {
      if (deadline.code !== undefined) return { answer: { kind: 'unreachable', code: deadline.code }, stale: false };
      const open = () => {
        const request = routes.open(target.url, { headers: sent, lookup, fresh });
        stopwatch.watch(request, viaProxy);
        // got times a request, to the millisecond and dearly, unless somebody does so already.
        return Object.assign(request, { timings: NO_TIMES });
      };
      return exchange(post(target.url, { body, request: open }) as unknown as Request, { maxResponseBytes, now, deadline, stopwatch });
    };
    const first = await attempt(false);
    // The receiver closed a kept connection just as we used it, as a rule without having seen this POST; where it has, the
    // webhook's id tells it so. That is no failure of an attempt.
    const { answer } = first.stale ? await attempt(true) : first;
    // Only a proxy asks for a proxy's password (RFC 9110, 15.5.8); in a tunnel `Tunnels` has seen it.
    return viaProxy && answer.kind === 'answered' && answer.status === 407 ? { kind: 'unreachable', code: 'PROXY_407' } : answer;
  }

  /** Through a proxy it is the proxy that connects, so the name is judged beforehand. What is wrong with it; undefined where nothing is. */
  async function lookAhead(hostname: string, port: number, deadline: Deadline): Promise<Answer | undefined> {
    try {
      const found = await deadline.bound(resolveAllowed(hostname, policy, resolve, port));
      return found === undefined ? { kind: 'unreachable', code: deadline.code ?? 'ETIMEDOUT' } : undefined;
    } catch (error) {
      if (error instanceof AddressRefused) return { kind: 'forbidden', reason: error.message };
      return { kind: 'unreachable', code: (error as NodeJS.ErrnoException).code ?? 'ENOTFOUND' };
    }
  }

  return { send, close: () => routes.close() };
}

const NO_TIMES = Object.freeze({});

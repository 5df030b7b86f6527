import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Broadcast } from '../broadcast.js';
import type { Clock } from '../clock.js';
import type { Metrics } from '../metrics.js';
import { identified, identifyCaller, type AuthDeps, type Caller } from './auth.js';
import { createLiveFilter, type LiveQuery } from './live-filter.js';
import { LINE_KINDS, type LineKind, type LiveLine } from './live-line.js';
import { retryAfter, sendProblem } from './problem.js';
import { StoreAway } from './store.js';

export interface StreamDeps extends Pick<AuthDeps, 'store' | 'jwt'> {
  broadcast: Broadcast<LiveLine>;
  clock: Pick<Clock, 'sleep'>;
  metrics: Pick<Metrics, 'streams' | 'streamLinesDropped'>;
}

export interface StreamOptions {
  /** Listeners at once, of all tokens together; one token gets a quarter of them. */
  maxStreams: number;
  /** How often a listener gets a sign of life, and its token is looked at again. */
  beatMs?: number;
}

const BEAT_MS = 15_000;

/** What a listener may be behind: about a second of a busy switch. Beyond, it loses lines; nobody waits for it. */
const MAX_BEHIND_BYTES = 1_048_576;

/**
 * `GET /v1/stream`: what happens now, as server-sent events (HTML standard, 9.2) named event, notice and delivery, the data a
 * JSON object. A tenant gets its own notices and deliveries, an admin everything. Lines that a slow listener lost are told
 * by an event `dropped`. Only this daemon's; nothing is kept for a listener that comes later.
 */
export function registerStream(app: FastifyInstance, deps: StreamDeps, { maxStreams, beatMs = BEAT_MS }: StreamOptions): void {
  const closing = new AbortController();
  const perToken = new Map<string, number>();
  let open = 0;

  function count(tokenId: string, by: 1 | -1): void {
    open += by;
    const left = (perToken.get(tokenId) ?? 0) + by;
    if (left > 0) perToken.set(tokenId, left);
    else perToken.delete(tokenId);
    deps.metrics.streams.set(open);
  }

  app.addHook('preClose', (done) => { closing.abort(); done(); });
  app.get('/v1/stream', { exposeHeadRoute: false }, (request, reply) => {
    const caller = identified(request);
    const query = readQuery(request.query as Record<string, unknown>, caller);
    if (typeof query === 'string') return sendProblem(reply, { status: 400, detail: query });
    if ((perToken.get(caller.tokenId) ?? 0) >= Math.ceil(maxStreams / 4)) return sendProblem(reply, { status: 429, detail: 'This token listens too often already.', headers: retryAfter(beatMs) });
    if (open >= maxStreams || closing.signal.aborted) return sendProblem(reply, { status: 503, detail: 'No more listeners can be taken.', headers: retryAfter(beatMs) });
    count(caller.tokenId, 1);
    const response = begin(reply);
    response.once('close', () => count(caller.tokenId, -1));
    void keepOpen(response, caller, request, { ...deps, query, beatMs, closing: closing.signal });
    return reply;
  });
}

/** From here on the answer is ours alone. */
function begin(reply: FastifyReply): ServerResponse {
  reply.hijack();
  const { raw } = reply;
  raw.on('error', () => {}); // it ends in 'close' like everything else
  raw.writeHead(200, { ...reply.getHeaders() as Record<string, string>, 'content-type': 'text/event-stream', 'x-accel-buffering': 'no', connection: 'close' });
  raw.write(': listening\nretry: 2000\n\n');
  return raw;
}

interface Keeping extends StreamDeps { query: LiveQuery; beatMs: number; closing: AbortSignal }

/** Until the listener goes, the server stops, or the token no longer means the same caller: a revocation holds from the next beat on. */
async function keepOpen(response: ServerResponse, caller: Caller, request: FastifyRequest, { broadcast, store, jwt, clock, metrics, query, beatMs, closing }: Keeping): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const over = AbortSignal.any([gone.signal, closing]);
  const writer = new LineWriter(response, (lines) => metrics.streamLinesDropped.inc(lines));
  const filter = createLiveFilter(query);
  const unlisten = broadcast.listen((line) => { if (maySee(caller, line) && filter(line)) writer.write(line); });
  try {
    while (!over.aborted) {
      await clock.sleep(beatMs, over);
      if (over.aborted || !await isStill(caller, request.headers.authorization, { store, jwt })) return;
      writer.beat();
    }
  } finally {
    unlisten();
    if (closing.aborted && response.writableLength > 0) response.destroy(); // a listener that does not read must not hold up the stop
    else response.end();
  }
}

function maySee(caller: Caller, line: LiveLine): boolean {
  return caller.kind === 'admin' || (line.kind !== 'event' && line.domainId === caller.domainId);
}

/** A database that is away takes nothing from a listener that was let in. */
async function isStill(caller: Caller, authorization: string | undefined, deps: Pick<StreamDeps, 'store' | 'jwt'>): Promise<boolean> {
  try {
    const now = await identifyCaller(authorization, deps);
    return now === 'undecided' || now !== undefined && now.tokenId === caller.tokenId && now.kind === caller.kind;
  } catch (error) {
    return error instanceof StoreAway;
  }
}

/** Writes lines as fast as the listener reads; what it is too slow for is counted, and told once it reads again. */
class LineWriter {
  readonly #response: ServerResponse;
  readonly #onDropped: (lines: number) => void;
  #dropped = 0;

  constructor(response: ServerResponse, onDropped: (lines: number) => void) {
    this.#response = response;
    this.#onDropped = onDropped;
    response.on('drain', () => this.#confess());
  }

  write({ kind, data }: LiveLine): void {
    if (this.#dropped > 0 || this.#response.writableLength > MAX_BEHIND_BYTES) {
      this.#dropped += 1;
      this.#onDropped(1);
    } else {
      this.#send(kind, data);
    }
  }

  beat(): void { if (!this.#response.writableNeedDrain) this.#response.write(': \n\n'); }

  /** Everything written is with the listener: it can be told what it missed, and lines go on. */
  #confess(): void {
    if (this.#dropped === 0) return;
    this.#send('dropped', { lines: this.#dropped });
    this.#dropped = 0;
  }

  #send(event: string, data: object): void { this.#response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`); }
}

/** What the listener asks for, or what is wrong with it, for the one who sent it. */
function readQuery({ kind = '', domain, number, call }: Record<string, unknown>, caller: Caller): LiveQuery | string {
  if ([kind, domain, number, call].some((value) => value !== undefined && typeof value !== 'string')) return 'Give kind, domain, number and call once each.';
  const words = (kind as string).split(',').map((word) => word.trim()).filter((word) => word !== '');
  const unknown = words.find((word) => !(LINE_KINDS as readonly string[]).includes(word));
  if (unknown !== undefined) return `kind must be a list of ${LINE_KINDS.join(', ')}.`;
  if (caller.kind === 'tenant' && words.includes('event')) return 'The events of the switch are for an admin\'s token.';
  const text = (value: unknown) => (value === undefined || value === '' ? undefined : value as string);
  const [wantedDomain, wantedNumber, wantedCall] = [text(domain)?.toLowerCase(), text(number), text(call)];
  return {
    kinds: new Set((words.length > 0 ? words : LINE_KINDS) as LineKind[]),
    ...(wantedDomain !== undefined && caller.kind === 'admin' && { domain: wantedDomain }), ...(wantedNumber !== undefined && { number: wantedNumber }), ...(wantedCall !== undefined && { call: wantedCall }),
  };
}

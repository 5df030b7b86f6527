import { aborted, type Clock } from '../clock.js';
import type { Service } from '../lifecycle.js';
import type { Logger } from '../log.js';
import type { Reply } from '../webhook/outcome.js';

/** Something that the operator wants to know of. `data` holds what is known of it, in JSON. */
export interface OperatorEvent { readonly type: string; readonly data: Readonly<Record<string, string | number | boolean | null>> }

export interface OperatorWebhookDeps {
  send: (request: { url: string; body: Buffer; headers: Record<string, string> }, signal: AbortSignal) => Promise<Reply>;
  /** The value of `webhook-signature`; absent where there is no secret. */
  sign?: ((message: { id: string; timestamp: string; body: Buffer }) => string) | undefined;
  clock: Clock;
  log: Logger;
  /** A number in [0, 1). */
  random: () => number;
  newId: () => string;
}

export interface OperatorWebhookOptions {
  /** Where to; '' for nowhere. */
  url: string;
  userAgent: string;
}

/** Tells the operator, by webhooks of his own. */
export interface OperatorWebhook extends Service {
  /** Takes note and returns at once. Does nothing where there is no URL. */
  tell(event: OperatorEvent): void;
}

interface Message { readonly id: string; readonly body: Buffer; readonly type: string; readonly toldAtMs: number }

/** Messages that wait; beyond, the oldest are dropped. */
const MOST = 1_000;
/** After so long a message is given up. */
const PATIENCE_MS = 3_600_000;
const FIRST_WAIT_MS = 1_000;
const LAST_WAIT_MS = 60_000;
const WOKEN = 'woken';

/**
 * Sends what it is told one after another, in the shape of Standard Webhooks, and tries each for an hour. What is told is kept in
 * memory alone: it is also in the log. Tenants never wait for it, since it has a loop and a connection of its own.
 */
export function createOperatorWebhook({ send, sign, clock, log, random, newId }: OperatorWebhookDeps, { url, userAgent }: OperatorWebhookOptions): OperatorWebhook {
  const waiting: Message[] = [];
  const stopping = new AbortController();
  const dropping = new AbortController();
  let bell = new AbortController();
  let loop: Promise<void> | undefined;

  async function post({ id, body }: Message): Promise<Reply> {
    const timestamp = String(Math.floor(clock.now().getTime() / 1_000));
    const headers = { 'content-type': 'application/json; charset=utf-8', 'user-agent': userAgent, 'webhook-id': id, 'webhook-timestamp': timestamp };
    return send({ url, body, headers: sign === undefined ? headers : { ...headers, 'webhook-signature': sign({ id, timestamp, body }) } }, dropping.signal);
  }

  /** Sends the first message until it is taken, or has waited for too long. */
  async function deliver(message: Message): Promise<void> {
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LAST_WAIT_MS)) {
      const reply = await post(message);
      if (reply.kind === 'answered' && reply.status >= 200 && reply.status < 300) return;
      if (stopping.signal.aborted || clock.monotonicMs() - message.toldAtMs >= PATIENCE_MS) return giveUp(message, reasonOf(reply));
      await clock.sleep(waitMs * (0.9 + random() * 0.2), stopping.signal);
    }
  }

  function giveUp({ type, id }: Message, reason: string): void {
    log.warn('the operator could not be told', { type, id, reason });
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted || waiting.length > 0) {
      bell = new AbortController();
      const message = waiting.shift();
      if (message === undefined) await clock.sleep(PATIENCE_MS, AbortSignal.any([bell.signal, stopping.signal]));
      else await deliver(message);
    }
  }

  return {
    name: 'operator webhook',
    tell({ type, data }) {
      if (url === '') return;
      const body = Buffer.from(JSON.stringify({ type, timestamp: clock.now().toISOString(), data }));
      waiting.push({ id: newId(), body, type, toldAtMs: clock.monotonicMs() });
      if (waiting.length > MOST) giveUp(waiting.shift()!, 'too many wait');
      bell.abort(WOKEN);
    },
    start: () => { if (url !== '') loop ??= run(); return Promise.resolve(); },
    async stop(hurry) {
      stopping.abort();
      await Promise.race([loop, aborted(hurry).then(() => dropping.abort())]);
    },
  };
}

function reasonOf(reply: Reply): string {
  switch (reply.kind) {
    case 'answered': return `status ${reply.status}`;
    case 'unreachable': return reply.code;
    case 'forbidden': return reply.reason;
  }
}

import { inspect } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { Clock } from '../clock.js';
import type { Logger } from '../log.js';
import { oneLine, type Connect, type Connection, type ConnectionHandlers, type ConnectionOptions } from './connection.js';
import { free } from './free.js';
import type { LinkEnd } from './link-end.js';
import { Signs, threadMs, weightOf, type FromThread, type ThreadConnectionOptions, type ThreadData, type ToThread } from './thread-messages.js';

export interface ConnectionThreadOptions {
  log: Logger;
  /** What may lie between the thread and this one, of all connections together; 128 MiB by default. */
  maxUntakenBytes?: number;
}

export interface ConnectionThread {
  /** As the `connect` of connection.ts, and to the same effect. */
  readonly connect: Connect;
  /** Ends the thread and what it still holds open. May be called twice; a later `connect` starts another. */
  stop(): Promise<void>;
}

// Half a minute of 500 events a second at 8 kB each: for so long this thread may be stuck and nothing is lost.
const MAX_UNTAKEN_BYTES = 128 * 1_024 * 1_024;

/**
 * Reads all switches in a thread of its own, so that their sockets are drained also while this thread does not run at all; a
 * listener that stays connected and does not read freezes the switch. What this thread has not taken in lies in memory up to a
 * bound; there the link is closed (`overwhelmed`).
 *
 * One thread serves all connections: each further one would cost 15 MB and 60 ms at every retry, and frames are cheap to read. It is
 * started by the first connection, holds the process only while one is open, and when it dies all of them end (`thread-died`)
 * and the next one starts another.
 */
export function createConnectionThread(options: ConnectionThreadOptions): ConnectionThread {
  let current: Thread | undefined;
  return {
    connect(connectionOptions, handlers) {
      oneLine(connectionOptions.password);
      current = current?.isAlive ? current : new Thread(options);
      return current.open(connectionOptions, handlers);
    },
    stop: async () => { await current?.stop(); },
  };
}

/** One life of the thread. */
class Thread {
  isAlive = true;
  readonly #worker: Worker;
  readonly #connections = new Map<number, ThreadConnection>();
  readonly #taken = new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT);
  readonly #takenBytes = new BigInt64Array(this.#taken);
  readonly #log: Logger;
  #lastId = 0;
  #fault: unknown;

  constructor({ log, maxUntakenBytes = MAX_UNTAKEN_BYTES }: ConnectionThreadOptions) {
    this.#log = log;
    const workerData: ThreadData = { taken: this.#taken, maxUntakenBytes };
    this.#worker = new Worker(new URL('./connection-worker.js', import.meta.url), { name: 'switches', execArgv: [], workerData, resourceLimits: { maxYoungGenerationSizeMb: 2 } });
    this.#worker.on('message', (message: FromThread) => this.#take(message));
    this.#worker.once('error', (error) => { this.#fault = error; }); // the exit follows, after everything that the thread had told
    this.#worker.once('exit', () => this.#die());
  }

  open({ clock, host, port, password, loginMs, maxFrameBytes, headers }: ConnectionOptions, handlers: ConnectionHandlers): Connection {
    const id = ++this.#lastId;
    const options: ThreadConnectionOptions = { host, port, password, ...(loginMs !== undefined && { loginMs }), ...(maxFrameBytes !== undefined && { maxFrameBytes }), ...(headers && { headers }) };
    const connection = new ThreadConnection(id, clock, handlers, (message) => this.#worker.postMessage(message));
    connection.open(options);
    this.#connections.set(id, connection);
    this.#worker.ref();
    return connection;
  }

  async stop(): Promise<void> { await this.#worker.terminate(); }

  #take(message: FromThread): void {
    const weight = message.kind === 'events' ? weightOf(message) : 0;
    this.#connections.get(message.id)?.take(message);
    Atomics.add(this.#takenBytes, 0, BigInt(weight));
    if (message.kind === 'ended') this.#forget(message.id);
  }

  #forget(id: number): void {
    this.#connections.delete(id);
    if (this.#connections.size === 0) this.#worker.unref();
  }

  #die(): void {
    this.isAlive = false;
    const code = this.#fault === undefined ? 'terminated' : ((this.#fault as NodeJS.ErrnoException).code ?? 'uncaught');
    if (this.#fault !== undefined) this.#log.error('the thread that reads the switches died', { code, error: inspect(this.#fault) });
    for (const [id, connection] of this.#connections) connection.take({ kind: 'ended', id, end: { kind: 'thread-died', code } });
    this.#connections.clear();
  }
}

/** This thread's side of one connection. */
class ThreadConnection implements Connection {
  readonly ended: Promise<LinkEnd>;
  readonly #id: number;
  readonly #handlers: ConnectionHandlers;
  readonly #post: (message: ToThread) => void;
  readonly #memory = new SharedArrayBuffer(Signs.BYTES);
  readonly #signs = new Signs(this.#memory);
  /** From the thread's clock to that of this connection. */
  readonly #aheadMs: number;
  readonly #answers = new Map<number, (text: string) => void>();
  #lastQuestion = 0;
  #cause: LinkEnd | undefined;
  #resolveEnded!: (end: LinkEnd) => void;

  constructor(id: number, clock: Clock, handlers: ConnectionHandlers, post: (message: ToThread) => void) {
    this.#id = id;
    this.#handlers = handlers;
    this.#post = post;
    this.#aheadMs = clock.monotonicMs() - threadMs();
    this.#signs.set(0, threadMs());
    this.ended = new Promise((resolve) => { this.#resolveEnded = resolve; });
  }

  open(options: ThreadConnectionOptions): void { this.#post({ kind: 'open', id: this.#id, options, signs: this.#memory }); }

  bytesRead(): number { return this.#signs.bytesRead; }

  lastReadMs(): number { return this.#signs.lastReadMs + this.#aheadMs; }

  ready(): void { this.#post({ kind: 'ready', id: this.#id }); }

  command(line: string, onReply: (replyText: string) => void): void { this.#ask('command', line, onReply); }

  api(line: string, onAnswer: (text: string) => void): void { this.#ask('api', line, onAnswer); }

  end(why: LinkEnd): void {
    this.#cause ??= why;
    this.#post({ kind: 'end', id: this.#id, why });
  }

  take(message: FromThread): void {
    if (message.kind === 'ended') return this.#resolveEnded(this.#cause ?? message.end);
    if (this.#cause) return; // we have given it up
    switch (message.kind) {
      case 'logged-in': return this.#handlers.onLoggedIn();
      case 'malformed': return this.#handlers.onMalformed(message.what);
      case 'events': return this.#takeEvents(message.bodies, message.ends, message.receivedAtMs + this.#aheadMs);
      case 'answer': return this.#takeAnswer(message.question, message.text);
    }
  }

  #takeEvents(bodies: Uint8Array, ends: readonly number[], receivedAtMs: number): void {
    const bytes = Buffer.from(bodies.buffer, bodies.byteOffset, bodies.byteLength);
    let start = 0;
    for (const end of ends) {
      this.#handlers.onEventBody(bytes.subarray(start, end), receivedAtMs);
      if (this.#cause) break; // given up by the handler
      start = end;
    }
    free(bodies);
  }

  #takeAnswer(question: number, text: string): void {
    const onAnswer = this.#answers.get(question);
    this.#answers.delete(question);
    onAnswer?.(text);
  }

  #ask(kind: 'command' | 'api', line: string, onAnswer: (text: string) => void): void {
    const question = ++this.#lastQuestion;
    this.#post({ kind, id: this.#id, question, line: oneLine(line) });
    this.#answers.set(question, onAnswer);
  }
}

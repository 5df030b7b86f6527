import type { ConnectionOptions } from './connection.js';
import type { LinkEnd } from './link-end.js';
import type { Malformed } from './malformed.js';

/** What the daemon asks of the thread that reads its switches; `id` is the connection's. */
export type ToThread =
  | { kind: 'open'; id: number; options: ThreadConnectionOptions; signs: SharedArrayBuffer }
  | { kind: 'ready'; id: number }
  | { kind: 'command' | 'api'; id: number; question: number; line: string }
  | { kind: 'end'; id: number; why: LinkEnd };

/** What the thread tells of a connection, in the order of the bytes; times are on `threadMs`. */
export type FromThread =
  | { kind: 'logged-in'; id: number }
  /** Of one chunk: bodies one after another, and where each ends. */
  | { kind: 'events'; id: number; bodies: Uint8Array; ends: number[]; receivedAtMs: number }
  | { kind: 'malformed'; id: number; what: Malformed }
  | { kind: 'answer'; id: number; question: number; text: string }
  | { kind: 'ended'; id: number; end: LinkEnd };

/** What can be handed to another thread of a connection's options. */
export type ThreadConnectionOptions = Omit<ConnectionOptions, 'clock'>;

/** What events cost in memory beside their bodies, roughly: without it a flood of small ones would not be bounded. */
const EVENT_OVERHEAD_BYTES = 256;

/** What the events of one message weigh between the threads. */
export const weightOf = ({ bodies, ends }: Extract<FromThread, { kind: 'events' }>): number => bodies.length + ends.length * EVENT_OVERHEAD_BYTES;

/** What the thread is started with. */
export interface ThreadData {
  /** One counter: the bytes that the daemon has taken in, of all connections together. */
  taken: SharedArrayBuffer;
  maxUntakenBytes: number;
}

/** Milliseconds on the one clock that all threads of a process share; `performance.now()` begins anew in each. */
export function threadMs(): number { return Number(process.hrtime.bigint()) / 1e6; }

/** A connection's signs of life, written by the thread and read by the daemon at any time, also before it has taken in what was read. */
export class Signs {
  static readonly BYTES = 16;
  readonly #cells: BigInt64Array;

  constructor(memory: SharedArrayBuffer) { this.#cells = new BigInt64Array(memory); }

  get bytesRead(): number { return Number(Atomics.load(this.#cells, 0)); }

  /** On `threadMs`. */
  get lastReadMs(): number { return Number(Atomics.load(this.#cells, 1)) / 1e3; }

  set(bytesRead: number, lastReadMs: number): void {
    Atomics.store(this.#cells, 0, BigInt(bytesRead));
    Atomics.store(this.#cells, 1, BigInt(Math.round(lastReadMs * 1e3)));
  }
}

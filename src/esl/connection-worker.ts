// The thread that reads the switches, whatever the daemon's own thread is busy with. It understands frames, not events.
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { systemClock, type Clock } from '../clock.js';
import { connect, type Connection } from './connection.js';
import { HeaderTrimmer } from './header-trimmer.js';
import { Signs, threadMs, weightOf, type FromThread, type ThreadConnectionOptions, type ThreadData, type ToThread } from './thread-messages.js';

const clock: Clock = { ...systemClock, monotonicMs: threadMs };

/** Room for the events of one chunk, as long as none of them is longer by itself. */
const PACK_BYTES = 128 * 1_024;

function serve(port: MessagePort, { taken, maxUntakenBytes }: ThreadData): void {
  const readings = new Map<number, Reading>();
  const outbox = new Outbox(port, taken);

  port.on('message', (message: ToThread) => {
    const { id } = message;
    if (message.kind === 'open') {
      const reading = new Reading(message.id, message.options, new Signs(message.signs), outbox, maxUntakenBytes);
      readings.set(id, reading);
      void reading.ended.then(() => readings.delete(id));
    } else {
      readings.get(id)?.obey(message); // one that has ended needs nothing any more
    }
  });
}

/** What was sent to the daemon and not yet taken in there. */
class Outbox {
  readonly #port: MessagePort;
  readonly #takenBytes: BigInt64Array;
  #postedBytes = 0;

  constructor(port: MessagePort, taken: SharedArrayBuffer) {
    this.#port = port;
    this.#takenBytes = new BigInt64Array(taken);
  }

  post(message: FromThread): void {
    if (message.kind !== 'events') return this.#port.postMessage(message);
    this.#postedBytes += weightOf(message);
    this.#port.postMessage(message, [message.bodies.buffer as ArrayBuffer]);
  }

  untakenBytes(): number { return this.#postedBytes - Number(Atomics.load(this.#takenBytes, 0)); }
}

/** One connection, and the events of the chunk that is being read: they are handed over together. */
class Reading {
  readonly ended: Promise<void>;
  readonly #id: number;
  readonly #outbox: Outbox;
  readonly #connection: Connection;
  readonly #trimmer: HeaderTrimmer | undefined;
  readonly #pack = Buffer.allocUnsafeSlow(PACK_BYTES);
  #ends: number[] = [];

  constructor(id: number, options: ThreadConnectionOptions, signs: Signs, outbox: Outbox, maxUntakenBytes: number) {
    this.#id = id;
    this.#outbox = outbox;
    this.#trimmer = options.headers && new HeaderTrimmer(options.headers);
    const connection = connect({ ...options, clock }, {
      onLoggedIn: () => this.#tell({ kind: 'logged-in', id }),
      onEventBody: (body) => this.#keep(body),
      onMalformed: (what) => this.#tell({ kind: 'malformed', id, what }),
      onRead: () => {
        this.#flush();
        signs.set(connection.bytesRead(), connection.lastReadMs());
        if (outbox.untakenBytes() > maxUntakenBytes) connection.end({ kind: 'overwhelmed' });
      },
    });
    this.#connection = connection;
    this.ended = connection.ended.then((end) => this.#tell({ kind: 'ended', id, end }));
  }

  obey(message: Exclude<ToThread, { kind: 'open' }>): void {
    switch (message.kind) {
      case 'ready': return this.#connection.ready();
      case 'command':
      case 'api': return this.#connection[message.kind](message.line, (text) => this.#tell({ kind: 'answer', id: this.#id, question: message.question, text }));
      case 'end': return this.#connection.end(message.why);
    }
  }

  /** The body's memory is used again, so it is copied, as far as it is of use. */
  #keep(body: Buffer): void {
    const start = this.#ends.at(-1) ?? 0;
    if (start + body.length > this.#pack.length) return this.#keepApart(body);
    this.#ends.push(this.#trimmer === undefined ? start + body.copy(this.#pack, start) : this.#trimmer.trim(body, this.#pack, start));
  }

  /** What is packed goes first; one that is longer than a whole pack goes as it is. */
  #keepApart(body: Buffer): void {
    this.#flush();
    if (body.length <= this.#pack.length) this.#keep(body);
    else this.#post(body, [body.length]);
  }

  /** After the events that were read before it. */
  #tell(message: FromThread): void {
    this.#flush();
    this.#outbox.post(message);
  }

  #flush(): void {
    const end = this.#ends.at(-1);
    if (end === undefined) return;
    this.#post(this.#pack.subarray(0, end), this.#ends);
    this.#ends = [];
  }

  /** Copied once more, into memory that can change hands. */
  #post(bodies: Buffer, ends: number[]): void {
    this.#outbox.post({ kind: 'events', id: this.#id, bodies: new Uint8Array(bodies), ends, receivedAtMs: this.#connection.lastReadMs() });
  }
}

serve(parentPort!, workerData as ThreadData); // below the classes, which do not exist before their lines have run

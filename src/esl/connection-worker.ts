// The thread that reads the switches, whatever the daemon's own thread is busy with. It understands frames, not events.
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { systemClock, type Clock } from '../clock.js';
import { connect, type Connection } from './connection.js';
import { Signs, threadMs, type FromThread, type ThreadConnectionOptions, type ThreadData, type ToThread } from './thread-messages.js';

const clock: Clock = { ...systemClock, monotonicMs: threadMs };

/** What an event costs in memory beside its body, roughly: without it a flood of small ones would not be bounded. */
const EVENT_OVERHEAD_BYTES = 256;

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
    this.#postedBytes += message.bytes;
    this.#port.postMessage(message, message.bodies.map(({ buffer }) => buffer as ArrayBuffer));
  }

  untakenBytes(): number { return this.#postedBytes - Number(Atomics.load(this.#takenBytes, 0)); }
}

/** One connection, and the events of the chunk that is being read: they are handed over together. */
class Reading {
  readonly ended: Promise<void>;
  readonly #id: number;
  readonly #outbox: Outbox;
  readonly #connection: Connection;
  #bodies: Uint8Array[] = [];
  #bytes = 0;

  constructor(id: number, options: ThreadConnectionOptions, signs: Signs, outbox: Outbox, maxUntakenBytes: number) {
    this.#id = id;
    this.#outbox = outbox;
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

  /** The body's memory is used again, so it is copied, this once, into memory that can change hands. */
  #keep(body: Buffer): void {
    this.#bodies.push(new Uint8Array(body));
    this.#bytes += body.length + EVENT_OVERHEAD_BYTES;
  }

  /** After the events that were read before it. */
  #tell(message: FromThread): void {
    this.#flush();
    this.#outbox.post(message);
  }

  #flush(): void {
    if (this.#bodies.length === 0) return;
    this.#outbox.post({ kind: 'events', id: this.#id, bodies: this.#bodies, bytes: this.#bytes, receivedAtMs: this.#connection.lastReadMs() });
    this.#bodies = [];
    this.#bytes = 0;
  }
}

serve(parentPort!, workerData as ThreadData); // below the classes, which do not exist before their lines have run

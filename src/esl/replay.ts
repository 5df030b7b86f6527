import { createServer, type AddressInfo, type Server } from 'node:net';
import type { Clock } from '../clock.js';
import { Milestone } from './milestone.js';
import type { Recording } from './recording.js';
import { ReplayClient, type ReplayHost } from './replay-client.js';
import { eventFrame, type EventRecord } from './wire.js';

export interface ReplayOptions {
  clock: Clock;
  password: string;
  /** 127.0.0.1 by default. */
  host?: string;
  /** Any free one by default. */
  port?: number;
  /** Its Core-UUID. */
  coreId: string;
  /** A way in for tests: true where it has dealt with a new connection itself. */
  accept?: (client: ReplayClient) => boolean;
  /** A way in for tests: true where it has dealt with a command itself. */
  intercept?: (client: ReplayClient, command: string) => boolean;
}

export interface PlayOptions {
  /** `real`: as it was recorded; `full`: as fast as the slowest listener reads. */
  pace: 'real' | 'full';
  /** Writes pieces of so many bytes instead of whole frames. */
  chunkBytes?: number;
  signal?: AbortSignal;
}

/** A switch without telephony: it speaks the event socket as a real one does, and plays recordings to whoever has subscribed. */
export class ReplayedSwitch {
  readonly connections = new Milestone<ReplayClient>();
  readonly logins = new Milestone<ReplayClient>();
  readonly subscriptions = new Milestone<ReplayClient>();
  readonly clients = new Set<ReplayClient>();
  /** Answers to `api` commands by their words, beside those that every switch can give. */
  readonly answers = new Map<string, string>();
  /** Changes when a test restarts the switch. */
  coreId: string;
  readonly #options: ReplayOptions;
  readonly #server: Server;
  #sequence = 0;

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.coreId = options.coreId;
    const host: ReplayHost = {
      password: options.password,
      answer: (command) => this.#answer(command),
      intercept: (client, command) => options.intercept?.(client, command) ?? false,
      onLogin: (client) => this.logins.reach(client),
      onSubscribe: (client) => this.subscriptions.reach(client),
    };
    this.#server = createServer((socket) => this.#admit(new ReplayClient(socket, host)));
  }

  /** Rejects when the port is taken. Resolves with the port. */
  async listen(port = this.#options.port ?? 0): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(port, this.#options.host ?? '127.0.0.1', () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    return this.port;
  }

  get port(): number { return (this.#server.address() as AddressInfo).port; }

  /** Resolves when every listener that had subscribed to them has been sent the recording's events. */
  async play(recording: Recording, options: PlayOptions): Promise<void> {
    await Promise.all([...this.clients].map((client) => this.#playTo(client, recording, options)));
  }

  /** Sends one event to those who have subscribed to it; Core-UUID, a time and a number of its own are added where missing. */
  async send(event: EventRecord & { 'Event-Name': string }): Promise<void> {
    const record = {
      'Core-UUID': this.coreId, 'Event-Date-Timestamp': `${this.#options.clock.now().getTime() * 1_000}`,
      'Event-Sequence': `${++this.#sequence}`, ...event,
    };
    const frame = eventFrame(JSON.stringify(record));
    const listening = [...this.clients].filter(({ wanted }) => wanted.has(event['Event-Name'], String(event['Event-Subclass'] ?? '')));
    await Promise.all(listening.map((client) => client.write(frame)));
  }

  heartbeat(): Promise<void> {
    return this.send({ 'Event-Name': 'HEARTBEAT', 'Event-Info': 'System Ready', 'Session-Count': '0', 'Heartbeat-Interval': '20' });
  }

  /** Resolves when everything written so far has left this process. */
  async sent(): Promise<void> { await Promise.all([...this.clients].map((client) => client.flushed())); }

  /** Drops every connection and the port. May be called twice. */
  async close(): Promise<void> {
    for (const { socket } of this.clients) socket.destroy();
    if (this.#server.listening) await new Promise<void>((resolve) => { this.#server.close(() => resolve()); });
  }

  #admit(client: ReplayClient): void {
    this.clients.add(client);
    client.socket.once('close', () => { this.clients.delete(client); });
    if (!this.#options.accept?.(client)) client.greet();
    this.connections.reach(client);
  }

  async #playTo(client: ReplayClient, { events }: Recording, { pace, chunkBytes, signal }: PlayOptions): Promise<void> {
    const startedAtMs = this.#options.clock.monotonicMs();
    for (const { atMs, name, subclass, frame } of events) {
      const aheadMs = startedAtMs + atMs - this.#options.clock.monotonicMs();
      if (pace === 'real' && aheadMs > 0) await this.#options.clock.sleep(aheadMs, signal);
      if (signal?.aborted || client.socket.destroyed) return;
      if (!client.wanted.has(name, subclass)) continue;
      for (const piece of pieces(frame, chunkBytes)) await client.write(piece);
    }
  }

  #answer(command: string): string {
    const set = this.answers.get(command);
    if (set !== undefined) return set;
    const [verb = ''] = command.split(' ');
    switch (command.startsWith('uuid_dump ') ? 'uuid_dump' : command) {
      case 'strepoch': return String(Math.floor(this.#options.clock.now().getTime() / 1_000));
      case 'status': return 'UP 0 years, 0 days, 0 hours, 0 minutes, 1 second, 0 milliseconds, 0 microseconds\n';
      case 'show channels as json': return '{"row_count": 0}\n';
      case 'global_getvar core_uuid': return this.coreId;
      case 'uuid_dump': return '-ERR No such channel!\n';
      default: return `-ERR ${verb} Command not found!\n`;
    }
  }
}

function* pieces(frame: Buffer, bytes = frame.length): Generator<Buffer> {
  for (let at = 0; at < frame.length; at += bytes) yield frame.subarray(at, at + bytes);
}

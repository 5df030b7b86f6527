import { randomUUID } from 'node:crypto';
import { createServer, type AddressInfo, type Server } from 'node:net';
import type { Clock } from '../clock.js';
import { Milestone } from './milestone.js';
import type { RecordedEvent, Recording } from './recording.js';
import { ReplayedChannels } from './replay-channels.js';
import { ReplayClient, type ReplayHost } from './replay-client.js';
import { bodyOf, eventFrame, type EventRecord } from './wire.js';

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
  /** Goes on in time while nobody listens, and what is said then is lost; otherwise it ends with the last listener. */
  unheard?: boolean;
  signal?: AbortSignal;
}

export interface RestartOptions {
  /** Hangs up what is up, tells of it and says goodbye, as after `fsctl shutdown restart`; otherwise it is gone in an instant, as after kill -9. */
  orderly?: boolean;
  coreId?: string;
}

/**
 * A switch without telephony: it speaks the event socket as a real one does, plays recordings to whoever has subscribed, and
 * knows from them which channels are up. What it plays carries its own Core-UUID, whichever was recorded.
 */
export class ReplayedSwitch {
  readonly connections = new Milestone<ReplayClient>();
  readonly logins = new Milestone<ReplayClient>();
  readonly subscriptions = new Milestone<ReplayClient>();
  readonly clients = new Set<ReplayClient>();
  /** Answers to `api` commands by their words, beside those that every switch can give. */
  readonly answers = new Map<string, string>();
  readonly channels: ReplayedChannels;
  /** Its Core-UUID of this run. */
  coreId: string;
  readonly #options: ReplayOptions;
  readonly #server: Server;
  /** The highest number of an event so far. */
  #sequence = 0;
  #run = new AbortController();

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.channels = new ReplayedChannels(options.clock);
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

  /**
   * Plays a recording to whoever listens at the time of each event; each is played when every listener can take it. Resolves after
   * the last one, or when the switch is restarted, for its calls end with it.
   */
  async play({ events }: Recording, { pace, chunkBytes, unheard = false, signal }: PlayOptions): Promise<void> {
    const over = AbortSignal.any([this.#run.signal, ...(signal ? [signal] : [])]);
    const { clock } = this.#options;
    const startedAtMs = clock.monotonicMs();
    for (const event of events) {
      const aheadMs = startedAtMs + event.atMs - clock.monotonicMs();
      if (pace === 'real' && aheadMs > 0) await clock.sleep(aheadMs, over);
      if (over.aborted || !(unheard || this.#isHeard())) return;
      await this.#say({ ...event, frame: withCoreId(event.frame, this.coreId) }, chunkBytes);
    }
  }

  /** Sends one event to those who have subscribed to it; Core-UUID, a time and a number of its own are added where missing. */
  async send(event: EventRecord & { 'Event-Name': string }): Promise<void> {
    const record = {
      'Core-UUID': this.coreId, 'Event-Date-Timestamp': `${this.#options.clock.now().getTime() * 1_000}`,
      'Event-Sequence': `${++this.#sequence}`, ...event,
    };
    await this.#say({ name: event['Event-Name'], subclass: String(event['Event-Subclass'] ?? ''), frame: eventFrame(JSON.stringify(record)) });
  }

  heartbeat(): Promise<void> {
    return this.send({
      'Event-Name': 'HEARTBEAT', 'Event-Info': 'System Ready', 'Session-Count': String(this.channels.count),
      'Session-Since-Startup': String(this.channels.sinceStartup), 'Heartbeat-Interval': '20',
    });
  }

  /** Becomes another run of the switch: no channels, another Core-UUID, numbers from the start. Resolves when all connections are closed. */
  async restart({ orderly = false, coreId = randomUUID() }: RestartOptions = {}): Promise<void> {
    this.#run.abort();
    const closed = [...this.clients].map(({ socket }) => new Promise((resolve) => { socket.once('close', resolve); }));
    if (orderly) await this.#shutDown();
    else for (const { socket } of this.clients) socket.destroy();
    this.channels.forget();
    this.coreId = coreId;
    this.#sequence = 0;
    this.#run = new AbortController();
    await Promise.all(closed);
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

  #isHeard(): boolean { return [...this.clients].some(({ wanted }) => !wanted.isEmpty); }

  async #say({ name, subclass, frame }: Pick<RecordedEvent, 'name' | 'subclass' | 'frame'>, chunkBytes = frame.length): Promise<void> {
    this.#sequence = Math.max(this.#sequence, sequenceOf(frame));
    this.channels.note(frame);
    const listening = [...this.clients].filter(({ wanted }) => wanted.has(name, subclass));
    await Promise.all(listening.map(async (client) => {
      for (let at = 0; at < frame.length; at += chunkBytes) await client.write(frame.subarray(at, at + chunkBytes));
    }));
  }

  async #shutDown(): Promise<void> {
    await this.send({ 'Event-Name': 'SHUTDOWN', 'Event-Info': 'System Shutting Down' });
    const { hangups, ends } = this.channels.hangUpAll(() => ++this.#sequence);
    for (const body of [...hangups, ...ends]) await this.#say({ name: nameOf(body), subclass: '', frame: eventFrame(body) });
    await Promise.all([...this.clients].map((client) => client.dismiss('shutting-down')));
  }

  #answer(command: string): Buffer | string {
    const set = this.answers.get(command);
    if (set !== undefined) return set;
    const [verb = '', uuid = ''] = command.split(' ');
    switch (command.startsWith('uuid_dump ') ? 'uuid_dump' : command) {
      case 'strepoch': return String(Math.floor(this.#options.clock.now().getTime() / 1_000));
      case 'status': return 'UP 0 years, 0 days, 0 hours, 0 minutes, 1 second, 0 milliseconds, 0 microseconds\n';
      case 'show channels as json': return this.channels.show();
      case 'global_getvar core_uuid': return this.coreId;
      case 'uuid_dump': return this.channels.dump(uuid, ++this.#sequence);
      default: return `-ERR ${verb} Command not found!\n`;
    }
  }
}

const CORE_ID = Buffer.from('"Core-UUID":"');

/** The frame as this run of the switch sends it. */
function withCoreId(frame: Buffer, coreId: string): Buffer {
  const at = frame.indexOf(CORE_ID) + CORE_ID.length;
  const end = frame.indexOf('"', at);
  if (at < CORE_ID.length || frame.toString('latin1', at, end) === coreId) return frame;
  return eventFrame(Buffer.concat([bodyOf(frame.subarray(0, at)), Buffer.from(coreId), frame.subarray(end)]));
}

function sequenceOf(frame: Buffer): number { return Number(/"Event-Sequence":"(\d+)"/.exec(headOf(frame))?.[1] ?? 0); }

function nameOf(body: Buffer): string { return /"Event-Name":"(\w+)"/.exec(headOf(body))?.[1] ?? ''; }

/** The headers that every event begins with. */
function headOf(bytes: Buffer): string { return bytes.toString('latin1', 0, 2_048); }

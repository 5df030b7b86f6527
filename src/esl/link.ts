import type { SwitchEvent } from '../calls/event.js';
import { connect, oneLine, type Connect, type Connection, type ConnectionOptions } from './connection.js';
import { Heartbeats } from './heartbeats.js';
import type { LinkEnd } from './link-end.js';
import type { Malformed } from './malformed.js';
import { createEventReader, OWN_HEADERS } from './switch-event.js';

export interface LinkOptions extends ConnectionOptions {
  /** The configured name of the switch, as it stands in its events. */
  switchName: string;
  /** Subclasses of CUSTOM to ask for beside EVENTS. */
  subclasses: readonly string[];
  /** Without any byte for so long, or for three of its heartbeats, the switch is asked for a sign of life; 65 s by default. */
  silenceMs?: number;
  /** How long the sign of life may take; 5 s by default. */
  pingMs?: number;
  /** Opens the connection; in this thread by default. */
  connect?: Connect;
}

/** All are called while bytes are being read, in the order of the bytes; none may throw or wait. */
export interface LinkHandlers {
  /** Logged in and subscribed: before the first event. */
  onUp(): void;
  onEvent(event: SwitchEvent): void;
  /** Once for every frame that could not be understood; an event may be lost. */
  onMalformed(kind: Malformed): void;
}

export interface Link {
  /** Resolves once, after the last event, also when the link never came up. It never rejects. */
  readonly ended: Promise<LinkEnd>;
  /** Closes at once; no event is handed on any more. */
  close(why: Extract<LinkEnd['kind'], 'closed-by-us' | 'overwhelmed'>): void;
}

/** What the rules of calls need, and the signs of life and of shutdown; nothing more, at 3 to 15 kB an event. */
export const EVENTS = [
  'CHANNEL_CREATE', 'CHANNEL_PROGRESS', 'CHANNEL_PROGRESS_MEDIA', 'CHANNEL_ANSWER', 'CHANNEL_BRIDGE',
  'CHANNEL_HANGUP', 'CHANNEL_HANGUP_COMPLETE', 'CHANNEL_DESTROY', 'RECORD_STOP', 'HEARTBEAT', 'SHUTDOWN',
] as const;

const SILENCE_MS = 65_000;
const PING_MS = 5_000;

/** Opens one link: connects, logs in, subscribes (`onUp`). From then on events come to `onEvent` until it ends. */
export function openLink(options: LinkOptions, handlers: LinkHandlers): Link {
  const subscription = checkedSubscription(options);
  const heartbeats = new Heartbeats();
  const readEvent = createEventReader();
  const headers = options.headers && [...OWN_HEADERS, ...options.headers];
  const connection = (options.connect ?? connect)({ ...options, ...(headers && { headers }) }, {
    onLoggedIn: () => connection.command(subscription, (reply) => {
      if (!reply.startsWith('+OK')) return connection.end({ kind: 'subscription-refused' });
      connection.ready();
      handlers.onUp();
      void watchSilence(connection, heartbeats, options);
    }),
    onEventBody: (body, receivedAtMs) => {
      const read = readEvent(body, options.switchName, receivedAtMs);
      if (read.kind === 'malformed') return handlers.onMalformed(read.why);
      if (read.event.name === 'HEARTBEAT') heartbeats.heard(read.event);
      handlers.onEvent(read.event);
    },
    onMalformed: (kind) => handlers.onMalformed(kind),
  });
  return { ended: connection.ended, close: (kind) => connection.end({ kind }) };
}

/**
 * The `event` command for these subclasses. CUSTOM stands last: the switch takes every word after it for a subclass and still
 * says +OK. Throws where a password or subclass would be more than it says it is.
 */
export function checkedSubscription({ password, subclasses }: Pick<LinkOptions, 'password' | 'subclasses'>): string {
  oneLine(password);
  const odd = subclasses.find((subclass) => !/^\S+$/.test(subclass));
  if (odd !== undefined) throw new Error(`A subclass of CUSTOM must be one word: ${JSON.stringify(odd)}`);
  return ['event json', ...EVENTS, ...(subclasses.length > 0 ? ['CUSTOM', ...subclasses] : [])].join(' ');
}

/**
 * Finds out that the switch is gone though nobody said so (a cable, a frozen host): TCP alone takes minutes to hours.
 * After a long pause of our own process the bytes that waited count as a sign of life, since they are read while the answer is awaited.
 */
async function watchSilence(connection: Connection, heartbeats: Heartbeats, { clock, silenceMs = SILENCE_MS, pingMs = PING_MS }: LinkOptions): Promise<void> {
  const over = new AbortController();
  void connection.ended.then(() => over.abort());
  while (!over.signal.aborted) {
    const idleMs = clock.monotonicMs() - connection.lastReadMs();
    const boundMs = Math.min(silenceMs, heartbeats.boundMs());
    if (idleMs < boundMs) {
      await clock.sleep(boundMs - idleMs, over.signal);
      continue;
    }
    const before = connection.bytesRead();
    connection.api('strepoch', () => {}); // of the cheapest commands, known to every release
    await clock.sleep(pingMs, over.signal);
    if (connection.bytesRead() === before) connection.end({ kind: 'silent' });
  }
}

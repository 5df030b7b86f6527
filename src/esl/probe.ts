import { connect as connectTcp } from 'node:net';
import type { Clock } from '../clock.js';
import { connect, type ConnectionOptions } from './connection.js';
import { FrameReader } from './frame-reader.js';
import type { LinkEnd } from './link-end.js';
import { readEvent } from './switch-event.js';

/**
 * What answers at an address. `unreachable`: no TCP connection, with the system's code; `rejected`: a switch whose list of addresses
 * does not have ours; `silent`: connected, and nothing is said; `hung-up`: connected, and ended without a word; `stranger`: it says
 * something that no event socket says.
 */
export type Greeting = { kind: 'greets' | 'rejected' | 'silent' | 'hung-up' | 'stranger'; from: string } | { kind: 'unreachable'; code: string };

/** Waits for the greeting and hangs up: who is there, without a login. `from` is our own address as this connection has it. */
export function greetSwitch({ host, port, clock, deadlineMs }: { host: string; port: number; clock: Clock; deadlineMs: number }): Promise<Greeting> {
  const over = new AbortController();
  const socket = connectTcp({ host, port });
  let from = '';
  return new Promise<Greeting>((resolve) => {
    const say = (kind: Exclude<Greeting['kind'], 'unreachable'>) => resolve({ kind, from });
    const fail = (code: string) => (from === '' ? resolve({ kind: 'unreachable', code }) : say('hung-up'));
    const reader = new FrameReader({
      onFrame: ({ contentType }) => say(contentType === 'auth/request' ? 'greets' : contentType === 'text/rude-rejection' ? 'rejected' : 'stranger'),
      onMalformed: () => say('stranger'),
    });
    socket.on('connect', () => { from = socket.localAddress ?? 'unknown'; });
    socket.on('data', (chunk) => reader.push(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.name));
    socket.on('close', () => fail('closed'));
    void clock.sleep(deadlineMs, over.signal).then(() => (from === '' ? fail('ETIMEDOUT') : say('silent')));
  }).finally(() => {
    over.abort();
    socket.destroy();
  });
}

export interface ListenOptions extends ConnectionOptions {
  /** The `event json …` command. */
  subscription: string;
  /** How long to wait for a heartbeat once subscribed. */
  waitMs: number;
}

/** What a short visit to a switch has shown. */
export interface Visit {
  /** How far it came, and if it was not we who ended it, how it ended. */
  readonly loggedIn: boolean;
  readonly subscribed: boolean;
  readonly end: LinkEnd | undefined;
  readonly events: number;
  /** '' as long as unknown. */
  readonly coreId: string;
  readonly version: string;
  readonly heartbeat: boolean;
  /** Seconds between heartbeats where the switch names them. */
  readonly intervalSeconds: number | undefined;
  /** How far the switch's clock is ahead of ours, milliseconds, by the freshest event. */
  readonly aheadMs: number | undefined;
}

const GOODBYE_MS = 2_000;

/** Logs in, listens until the first heartbeat or for `waitMs`, and logs out. To the switch it is one more listener for that long. */
export async function visitSwitch(options: ListenOptions): Promise<Visit> {
  const { clock } = options;
  const enough = new AbortController();
  let visit: Visit = { loggedIn: false, subscribed: false, end: undefined, events: 0, coreId: '', version: '', heartbeat: false, intervalSeconds: undefined, aheadMs: undefined };
  const connection = connect(options, {
    onLoggedIn() {
      visit = { ...visit, loggedIn: true };
      connection.command(options.subscription, (reply) => {
        if (!reply.startsWith('+OK')) return connection.end({ kind: 'subscription-refused' });
        connection.ready();
        visit = { ...visit, subscribed: true };
        void clock.sleep(options.waitMs, enough.signal).then(() => enough.abort());
      });
    },
    onEventBody(body) {
      visit = withEvent(visit, body, clock.now().getTime());
      if (visit.heartbeat) enough.abort();
    },
    onMalformed: () => {},
  });
  const ended = connection.ended.then((end) => { if (!enough.signal.aborted) visit = { ...visit, end }; enough.abort(); });
  await new Promise<void>((resolve) => { enough.signal.addEventListener('abort', () => resolve(), { once: true }); });
  connection.command('exit', () => {});
  const goodbye = new AbortController();
  await Promise.race([ended, clock.sleep(GOODBYE_MS, goodbye.signal)]);
  goodbye.abort();
  connection.end({ kind: 'closed-by-us' });
  await ended;
  return visit;
}

function withEvent(visit: Visit, body: Buffer, nowMs: number): Visit {
  const read = readEvent(body, '', 0);
  if (read.kind !== 'event') return visit;
  const { event } = read;
  const aheadMs = event.timestampUs > 0 ? event.timestampUs / 1_000 - nowMs : -Infinity; // what was on its way for long looks old: the freshest counts
  const interval = Number(event.get('Heartbeat-Interval'));
  return {
    ...visit,
    events: visit.events + 1,
    coreId: event.coreId || visit.coreId,
    version: event.get('FreeSWITCH-Version') ?? visit.version,
    heartbeat: visit.heartbeat || event.name === 'HEARTBEAT',
    intervalSeconds: interval > 0 ? interval : visit.intervalSeconds,
    aheadMs: Number.isFinite(aheadMs) ? Math.max(aheadMs, visit.aheadMs ?? -Infinity) : visit.aheadMs,
  };
}

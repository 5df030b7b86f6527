import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { addDomain } from '../../src/db/tenants.js';
import { upsertSubscription } from '../../src/db/subscriptions.js';
import type { Pool } from '../../src/db/pool.js';
import { CORE_ID, PASSWORD } from './switch.js';

const PROGRAM = new URL('../../bin/hookswitch.js', import.meta.url).pathname;

/** One line of the daemon's log. */
export interface Line { level: string; message: string; [field: string]: unknown }

export type DaemonProcess = Awaited<ReturnType<typeof startDaemon>>;

/** The built daemon as a process of its own, as ops run it; that of another build where its `program` is given. Resolves when its API listens. */
export async function startDaemon(env: Record<string, string>, program = PROGRAM) {
  const child = spawn(process.execPath, [program, 'run'], {
    env: {
      PATH: process.env['PATH'] ?? '', HOOKSWITCH_HTTP_PORT: '0', HOOKSWITCH_LOG_FORMAT: 'json', HOOKSWITCH_ALLOW_ADDRESSES: '127.0.0.0/8',
      HOOKSWITCH_RECORDING_URL: 'https://rec.example.test/{domain}/{file}', HOOKSWITCH_SWITCH_HOST: '127.0.0.1', HOOKSWITCH_SWITCH_PASSWORD: PASSWORD, ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: Line[] = [];
  const errors: string[] = [];
  const waiters: { until: (line: Line) => boolean; resolve: (line: Line) => void }[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text));
  createInterface(child.stdout).on('line', (text) => {
    const line = JSON.parse(text) as Line;
    lines.push(line);
    for (const waiter of waiters.splice(0)) if (waiter.until(line)) waiter.resolve(line); else waiters.push(waiter);
  });
  const exited = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string);

  /** The first line whose message begins so and that passes, also one that was said already. */
  function said(beginning: string, passes: (line: Line) => boolean = () => true): Promise<Line> {
    const until = (line: Line) => line.message.startsWith(beginning) && passes(line);
    const known = lines.find(until);
    if (known) return Promise.resolve(known);
    const gone = exited.then((code) => { throw new Error(`The daemon ended with ${code} before it said "${beginning}": ${errors.join('')}${JSON.stringify(lines.slice(-5))}`); });
    return Promise.race([new Promise<Line>((resolve) => { waiters.push({ until, resolve }); }), gone]);
  }

  const listening = await said('http listening');
  return {
    api: `http://127.0.0.1:${String(listening['port'])}`,
    lines, exited, said,
    pid: child.pid!,
    /** Sends a signal and resolves with the exit code, or the signal's name where it was killed by it. */
    stop: (signal: NodeJS.Signals = 'SIGTERM') => stop(child, signal, exited),
  };
}

async function stop(child: ChildProcess, signal: NodeJS.Signals, exited: Promise<number | string>): Promise<number | string> {
  if (child.exitCode === null && child.signalCode === null) child.kill(signal);
  return await exited;
}

/** Subscribes a domain, made where it is missing, to events at one URL. */
export async function subscribe(pool: Pool, domain: string, url: string, events: readonly string[] = ['ringing', 'answered', 'hangup', 'cdr'], key = ''): Promise<void> {
  const { domain: { id } } = await addDomain(pool, domain);
  for (const event of events) await upsertSubscription(pool, id, event, url, key);
}

export { CORE_ID };

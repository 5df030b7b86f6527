import { execFile } from 'node:child_process';
import type { Clock } from './clock.js';
import type { Service } from './lifecycle.js';
import type { Logger } from './log.js';

export interface WatchdogDeps {
  /** What systemd says of itself: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID; PATH to find `systemd-notify` by. */
  env: NodeJS.ProcessEnv;
  pid: number;
  clock: Clock;
  log: Logger;
}

const PROGRAM = 'systemd-notify';
const PROGRAM_MS = 5_000;

/**
 * Tells systemd that the daemon is up, is stopping and, where its unit has WatchdogSec, every half of that time that its main loop
 * still turns: one that hangs is killed and started again (sd_notify(3), sd_watchdog_enabled(3)). Without systemd it does nothing.
 *
 * It speaks through `systemd-notify`, since Node has no unix datagram sockets; the unit needs NotifyAccess=all for that. To be the
 * last part that starts and the first that stops.
 */
export function createWatchdog({ env, pid, clock, log }: WatchdogDeps): Service {
  const stopping = new AbortController();
  let loop: Promise<void> | undefined;
  let saidFailure = false;

  async function tell(state: string): Promise<void> {
    if (!env['NOTIFY_SOCKET']) return;
    const failure = await notify(state, env);
    if (failure !== undefined && !saidFailure) log.warn('systemd cannot be told how the daemon does', { state, reason: failure });
    saidFailure = failure !== undefined;
  }

  async function watch(everyMs: number): Promise<void> {
    while (!stopping.signal.aborted) {
      await tell('WATCHDOG=1');
      await clock.sleep(everyMs, stopping.signal);
    }
  }

  return {
    name: 'watchdog',
    async start() {
      await tell('READY=1');
      const everyMs = watchdogMs(env, pid) / 2;
      if (everyMs > 0) loop ??= watch(everyMs);
    },
    async stop() {
      if (!stopping.signal.aborted) await tell('STOPPING=1');
      stopping.abort();
      await loop;
    },
  };
}

/** 0 where nobody watches, or another process is watched. */
function watchdogMs({ WATCHDOG_USEC: usec, WATCHDOG_PID: watched }: NodeJS.ProcessEnv, pid: number): number {
  const ms = Number(usec) / 1_000;
  return ms > 0 && (watched === undefined || watched === String(pid)) ? ms : 0;
}

/** The reason why it failed, where it did. */
function notify(state: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(PROGRAM, [state], { env, timeout: PROGRAM_MS }, (error) => resolve(error ? String(error.code ?? error.signal ?? error.name) : undefined));
  });
}

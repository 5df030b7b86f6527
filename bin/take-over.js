import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** What others tell a daemon by. A terminal tells both of us; the daemon takes two at once for one. */
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'];

/**
 * Lets another Node do this process's work, and resolves with its exit code. In place of this process where that can be done, so
 * that nobody notices; else as a child that gets its signals.
 */
export async function takeOver(node, args) {
  if (process.execve !== undefined && process.platform !== 'win32') process.execve(node, [node, ...args], process.env); // does not come back
  const child = spawn(node, args, { stdio: 'inherit' });
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
}

import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../clock.js';

export interface LockOptions { clock: Clock; /** How long to wait for another process at most. */ patienceMs: number }

/**
 * Runs `work` while nobody else on this machine runs theirs for the same folder. The lock is a listening socket, because Node has
 * no file locks and the kernel takes a socket back however its process ends: a lock never outlives its holder.
 */
export async function exclusively<T>(folder: string, { clock, patienceMs }: LockOptions, work: () => Promise<T>): Promise<T> {
  const address = addressOf(folder);
  const until = clock.monotonicMs() + patienceMs;
  let lock = await tryLock(address);
  while (lock === undefined) {
    if (clock.monotonicMs() > until) throw new Error(`Another process has been busy with ${folder} for ${Math.round(patienceMs / 1_000)} s`);
    await holderEnds(address, until - clock.monotonicMs(), clock);
    lock = await tryLock(address);
  }
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

/** In Linux's abstract namespace, where no file can be left behind; on Windows a pipe, which likewise ends with its process. */
function addressOf(folder: string): string {
  const name = `hookswitch-${createHash('sha256').update(folder).digest('hex').slice(0, 32)}`;
  if (process.platform === 'linux') return `\0${name}`;
  return process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(tmpdir(), name);
}

function tryLock(address: string): Promise<{ release(): Promise<void> } | undefined> {
  return new Promise((resolve, reject) => {
    const waiting = new Set<Socket>();
    const server: Server = createServer((socket) => {
      waiting.add(socket.on('error', () => {}).on('close', () => { waiting.delete(socket); }));
    });
    server.once('error', (error: NodeJS.ErrnoException) => { if (error.code === 'EADDRINUSE') resolve(undefined); else reject(error); });
    server.listen(address, () => resolve({
      release: () => new Promise((released) => {
        server.close(() => released());
        for (const socket of waiting) socket.destroy();
      }),
    }));
  });
}

/** Resolves when the holder lets go: our connection to its socket ends with the lock. */
async function holderEnds(address: string, patienceMs: number, clock: Clock): Promise<void> {
  const giveUp = new AbortController();
  const refused = await Promise.race([
    new Promise<boolean>((resolve) => {
      const socket = connect(address);
      socket.on('error', (error: NodeJS.ErrnoException) => { resolve(error.code === 'ECONNREFUSED'); });
      socket.on('close', () => resolve(false));
      giveUp.signal.addEventListener('abort', () => { socket.destroy(); }, { once: true });
    }),
    clock.sleep(patienceMs, giveUp.signal).then(() => false),
  ]);
  giveUp.abort();
  if (!refused) return;
  if (!address.startsWith('\0')) await rm(address, { force: true }); // a file without a process behind it
  await clock.sleep(10); // bound and not listening yet, or gone again
}

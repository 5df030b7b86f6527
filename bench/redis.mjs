import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';

/**
 * A Redis of its own in `folder`, where the machine has one; undefined where it has none. It keeps what it is told as queues are advised
 * to have it: appended to a file, which goes to the disk every second. A commit of Postgres is on the disk before anything is sent.
 */
export async function openRedis(folder) {
  const program = process.env.PATH.split(delimiter).map((entry) => join(entry, 'redis-server')).find((file) => existsSync(file));
  if (program === undefined) return undefined;
  await mkdir(folder);
  const path = join(folder, 'redis.sock');
  const child = spawn(program, ['--port', '0', '--unixsocket', path, '--dir', folder, '--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec', '--maxmemory-policy', 'noeviction'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const ready = (async () => { for await (const line of createInterface(child.stdout)) if (line.includes('ready to accept connections')) return; throw new Error('redis-server ended'); })();
  await ready;
  child.stdout.resume();
  return { path, pid: child.pid, async close() { child.kill('SIGTERM'); await exited; } };
}

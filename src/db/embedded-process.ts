import { readFile, readlink } from 'node:fs/promises';

/**
 * What tells a process from a later one with the same pid: its start time, and the boot that it counts from. Undefined when no such
 * process lives; a zombie does not. Where the system has no /proc every living process has the same mark, so the pid alone decides.
 */
export async function birthMark(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return isAlive(pid) ? 'alive' : undefined;
  try {
    const [stat, boot] = await Promise.all([readFile(`/proc/${pid}/stat`, 'utf8'), readFile('/proc/sys/kernel/random/boot_id', 'utf8')]);
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // from field 3 on (proc(5)); a program's name may hold anything
    const [state, startTicks] = [fields[0]!, fields[19]!];
    return state === 'Z' || state === 'X' ? undefined : `${boot.trim()} ${startTicks}`;
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/**
 * False only when the process certainly is no Postgres server on `data`: the server works in its data folder all its life, and where
 * we may not see in which folder a process works, its name still tells.
 */
export async function mayServe(pid: number, data: string): Promise<boolean> {
  if (process.platform !== 'linux') return true;
  try {
    return await readlink(`/proc/${pid}/cwd`) === data;
  } catch {
    return await readFile(`/proc/${pid}/comm`, 'utf8').then((name) => name.trim() === 'postgres', () => true);
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

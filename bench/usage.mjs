import { readdir, readFile } from 'node:fs/promises';

/** Linux counts time in hundredths of a second. */
const US_PER_TICK = 10_000;

/** What a process has used so far: CPU in microseconds, with that of its threads, and what it holds in memory, in MB of 10^6 bytes. Linux only. */
export async function usageOf(pid) {
  const [stat, status] = await Promise.all([readFile(`/proc/${pid}/stat`, 'utf8'), readFile(`/proc/${pid}/status`, 'utf8')]);
  const [user, system] = fieldsOf(stat);
  return { cpuUs: (user + system) * US_PER_TICK, residentMb: Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)[1]) * 1.024 / 100) / 10 };
}

/** CPU of a Postgres so far, in microseconds: the server, its processes, and those that have ended. */
export async function serverCpuUs(postmasterPid) {
  const own = fieldsOf(await readFile(`/proc/${postmasterPid}/stat`, 'utf8'));
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')));
  const children = stats.filter((stat) => stat !== '' && parentOf(stat) === postmasterPid).map(fieldsOf);
  return (own.slice(0, 4).reduce((sum, ticks) => sum + ticks, 0) + children.reduce((sum, [user, system]) => sum + user + system, 0)) * US_PER_TICK;
}

/** utime, stime, cutime, cstime (proc(5)). The name before them may hold anything, so it is skipped from its end. */
const fieldsOf = (stat) => stat.slice(stat.lastIndexOf(')') + 2).split(' ').slice(11, 15).map(Number);

const parentOf = (stat) => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);

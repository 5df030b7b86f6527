import { execFileSync } from 'node:child_process';
import { readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.js';
import { birthMark } from '../../src/db/embedded-process.js';

/** What every folder of a stage is called, before the pid of the run that made it. */
export const FOLDER = 'hookswitch-faults-';

/** Folders in use, each with all that lives in it: processes that work there or were given it, and mounts. Nothing of it outlives the run. */
export class Leftovers {
  readonly #folders = new Set<string>();
  /** The run is being given up: nothing may be started any more. */
  isClosing = false;

  /** The folder goes with the run, unless what this returns is called before. */
  own(folder: string): () => Promise<void> {
    this.#folders.add(folder);
    return async () => {
      await clear(folder);
      this.#folders.delete(folder);
    };
  }

  async clearAll(): Promise<void> {
    this.isClosing = true;
    await Promise.all([...this.#folders].map(clear));
  }

  /** Of runs that were killed themselves: their pid is in the folder's name. */
  async clearOrphans(): Promise<void> {
    for (const name of (await readdir(tmpdir())).filter((entry) => entry.startsWith(FOLDER))) {
      if (await birthMark(Number.parseInt(name.slice(FOLDER.length), 10)) === undefined) await clear(join(tmpdir(), name));
    }
  }
}

async function clear(folder: string): Promise<void> {
  for (let pids = await livingIn(folder); pids.length > 0; pids = await livingIn(folder)) {
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch { /* ended by itself */ }
    }
    await systemClock.sleep(20); // not our children, most of them: nothing tells us of their end
  }
  const mounts = (await readFile('/proc/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '').filter((at) => at.startsWith(`${folder}/`));
  for (const mount of mounts) execFileSync('umount', [mount]);
  await rm(folder, { recursive: true, force: true });
}

/** Processes that work in the folder (Postgres and all its children do), or that were told of it in their arguments or environment. */
async function livingIn(folder: string): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 1 && pid !== process.pid);
  const found = await Promise.all(pids.map(async (pid) => {
    const about = [readlink(`/proc/${pid}/cwd`), readFile(`/proc/${pid}/cmdline`, 'utf8'), readFile(`/proc/${pid}/environ`, 'utf8')];
    const texts = await Promise.all(about.map((read) => read.catch(() => '')));
    return texts.some((text) => text.includes(folder)) && await birthMark(pid) !== undefined ? [pid] : [];
  }));
  return found.flat();
}

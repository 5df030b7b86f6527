import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../clock.js';
import type { Logger } from '../log.js';
import type { Item } from './incoming.js';
import { itemOf, lineOf, type Moment } from './spill-line.js';

export interface SpillDeps { clock: Clock; log: Logger; /** Of this process. */ pid: number }

/** Items of an earlier process that could not be committed. */
export interface SpilledFile {
  readonly items: readonly Item[];
  /** To be called when they are committed: the file is not needed any more. */
  done(): Promise<void>;
}

/** Where a daemon that must stop while Postgres is away leaves what it could not commit. */
export interface Spill {
  /** Takes all files that are there, the oldest first. What several processes try to take, one gets. */
  take(): Promise<SpilledFile[]>;
  /**
   * Writes items to a new file, which then is whole and on the disk. Files that were taken and not done with go: what is left
   * of them must be among the items. Rejects where the disk does not take it.
   */
  write(items: readonly Item[]): Promise<void>;
}

/** As it was written, and with the process that took it. */
const NAME = /^([0-9TZ]+-\d+\.ndjson)(?:\.(\d+))?$/;
/** Items in memory as text at once. */
const CHUNK = 1_000;

/**
 * Files are called by their time and the process that wrote them, `20260101T000000000Z-4711.ndjson`; who takes one appends its
 * own process id. So a file whose taker has died too is taken again. Should two take it after all, because they do not see each
 * other's processes, no harm is done: a promise is stored once however often it is made.
 */
export function createSpill(folder: string, { clock, log, pid }: SpillDeps): Spill {
  const taken = new Set<SpilledFile>();

  async function claim(name: string): Promise<string | undefined> {
    const [, written = name, taker] = NAME.exec(name) ?? [];
    if (taker !== undefined && Number(taker) !== pid && isAlive(Number(taker))) {
      log.warn('a spill file is in the hands of another process', { file: join(folder, name), pid: Number(taker) });
      return undefined;
    }
    const ours = `${written}.${pid}`;
    return await rename(join(folder, name), join(folder, ours)).then(() => ours, ifMissing(undefined)); // somebody was faster
  }

  async function read(name: string): Promise<SpilledFile> {
    const file = join(folder, name);
    const { items, torn, bad } = await readItems(file, momentOf(clock));
    const lines = { file, items: items.length };
    if (torn) log.warn('the last line of a spill file is torn and skipped', lines);
    if (bad > 0) log.error('a spill file has lines that cannot be read, and is kept aside', { ...lines, bad, kept: `${file}.bad` });
    log.info('taking up what an earlier process could not commit', lines);
    const spilled: SpilledFile = {
      items,
      async done() {
        taken.delete(spilled);
        if (bad > 0) await rename(file, `${file}.bad`);
        else await rm(file, { force: true });
      },
    };
    taken.add(spilled);
    return spilled;
  }

  return {
    async take() {
      const names = await readdir(folder).catch(ifMissing([]));
      const files: SpilledFile[] = [];
      for (const name of names.filter((known) => NAME.test(known)).sort()) {
        const claimed = await claim(name);
        if (claimed !== undefined) files.push(await read(claimed));
      }
      return files;
    },
    async write(items) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const file = join(folder, `${clock.now().toISOString().replace(/[-:.]/g, '')}-${pid}.ndjson`);
      await writeWhole(file, items, momentOf(clock));
      log.warn('what is not committed is kept in a file for the next start', { items: items.length, file });
      for (const spilled of taken) await spilled.done();
    },
  };
}

const momentOf = (clock: Clock): Moment => ({ wallMs: clock.now().getTime(), monotonicMs: clock.monotonicMs() });

/** What is valid is taken, whatever else is in the file. `torn`: the last line has no end and no sense; `bad`: so many others have none. */
async function readItems(file: string, now: Moment): Promise<{ items: Item[]; torn: boolean; bad: number }> {
  const items: Item[] = [];
  let bad = 0;
  let torn = false;
  for await (const { text, isEnded } of linesOf(file)) {
    const item = itemOf(text, now);
    if (item !== undefined) items.push(item);
    else if (isEnded) bad += 1;
    else torn = true;
  }
  return { items, torn, bad };
}

/** Not Node's readline: to it U+2028 ends a line too, and JSON may contain that as it is. */
async function* linesOf(file: string): AsyncGenerator<{ text: string; isEnded: boolean }> {
  let rest = '';
  for await (const chunk of createReadStream(file, 'utf8')) {
    const [first = '', ...more] = String(chunk).split('\n');
    rest += first;
    for (const text of more) {
      yield { text: rest, isEnded: true };
      rest = text;
    }
  }
  if (rest !== '') yield { text: rest, isEnded: false };
}

/** Under another name until it is whole and on the disk; then the folder, too, must know it before we say so. */
async function writeWhole(file: string, items: readonly Item[], now: Moment): Promise<void> {
  const unfinished = `${file}.tmp`;
  const handle = await open(unfinished, 'wx', 0o600);
  try {
    for (let at = 0; at < items.length; at += CHUNK) await handle.write(items.slice(at, at + CHUNK).map((item) => lineOf(item, now)).join(''));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(unfinished, file);
  if (process.platform !== 'win32') await syncFolder(dirname(file)); // which Windows cannot, and need not
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // somebody else's, but there
  }
}

function ifMissing<T>(instead: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT') return instead;
    throw error;
  };
}

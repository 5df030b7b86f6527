import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { birthMark } from './embedded-process.js';

/**
 * Who uses the embedded Postgres of a folder: one file per holder, named by its pid, holding its birth mark. A holder that was
 * killed leaves its file behind; the mark shows that it is dead. All of this is called under the folder's lock only.
 */
export interface Holder { leave(): Promise<void> }

/** Enters this process; it may hold the same folder more than once. */
export async function enter(folder: string): Promise<Holder> {
  const file = join(holdersOf(folder), `${process.pid}-${randomBytes(4).toString('hex')}`);
  await mkdir(holdersOf(folder), { recursive: true });
  await writeFile(file, await birthMark(process.pid) ?? '', { mode: 0o600 });
  return { leave: () => rm(file, { force: true }) };
}

/** How many living holders there are; forgets the dead. */
export async function countHolders(folder: string): Promise<number> {
  await mkdir(holdersOf(folder), { recursive: true });
  let living = 0;
  for (const name of await readdir(holdersOf(folder))) {
    const file = join(holdersOf(folder), name);
    if (await readFile(file, 'utf8') === await birthMark(Number.parseInt(name, 10))) living += 1;
    else await rm(file, { force: true });
  }
  return living;
}

const holdersOf = (folder: string) => join(folder, 'holders');

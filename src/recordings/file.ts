import { constants } from 'node:fs';
import { open, realpath, type FileHandle } from 'node:fs/promises';
import { join, sep } from 'node:path';

/** An open file and what it was when it was opened. Whoever has it closes the handle. */
export interface OpenFile { readonly handle: FileHandle; readonly name: string; readonly size: number; readonly modifiedMs: number }

/** What a path comes to if it leads nowhere, or to what is not ours to show. */
const NOTHING = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'EACCES', 'EPERM', 'EISDIR', 'ENXIO', 'ERR_INVALID_ARG_VALUE']);

/**
 * Opens a file that truly lies under the directory: every symbolic link on the way is followed first, and one that leads out is
 * refused. Undefined where there is none; folders, pipes and devices are none. Rejects where the disk itself fails.
 */
export async function openInside(directory: string, path: string): Promise<OpenFile | undefined> {
  try {
    const [root, real] = await Promise.all([realpath(directory), realpath(join(directory, path))]);
    if (!real.startsWith(root.endsWith(sep) ? root : root + sep)) return undefined;
    // Not through a link that has been put there since, and not waiting for the other end of a pipe.
    const handle = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    return await describe(handle, real);
  } catch (error) {
    if (NOTHING.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw new Error('A recording cannot be read', { cause: error });
  }
}

async function describe(handle: FileHandle, real: string): Promise<OpenFile | undefined> {
  try {
    const stat = await handle.stat();
    if (stat.isFile()) return { handle, name: real.slice(real.lastIndexOf(sep) + 1), size: stat.size, modifiedMs: Math.floor(stat.mtimeMs) };
  } catch (error) {
    await handle.close();
    throw error;
  }
  await handle.close();
  return undefined;
}

import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

const NAME = 'recordings.secret';
const FORM = /^[\w-]{43}$/;

/**
 * The secret kept in that folder, made where there is none; nobody else may read it. Several daemons on one folder get the same one.
 *
 * @throws where the file is there and holds none: links signed with another secret would stop working unnoticed.
 */
export async function keptSecret(folder: string): Promise<string> {
  const file = join(folder, NAME);
  const known = await read(file);
  if (known !== undefined) return known;
  await mkdir(folder, { recursive: true });
  const fresh = `${file}.${randomBytes(6).toString('hex')}`;
  await write(fresh, randomBytes(32).toString('base64url'));
  try {
    await link(fresh, file); // all of it appears at once, and only the first one's
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(fresh, { force: true });
  }
  return (await read(file))!;
}

async function write(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(`${text}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function read(file: string): Promise<string | undefined> {
  try {
    const text = (await readFile(file, 'utf8')).trim();
    if (!FORM.test(text)) throw new Error(`${file} holds no secret; remove it to have one made, which ends all links given out so far`);
    return text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

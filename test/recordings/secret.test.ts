import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keptSecret } from '../../src/recordings/secret.js';

let folder: string;
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'secret-')); });
afterEach(() => rm(folder, { recursive: true }));

it('is made once, for its owner alone, and found again', async () => {
  const made = await keptSecret(join(folder, 'data'));
  expect(made).toMatch(/^[\w-]{43}$/);
  expect((await stat(join(folder, 'data', 'recordings.secret'))).mode & 0o777).toBe(0o600);
  expect(await keptSecret(join(folder, 'data'))).toBe(made);
});

it('is one for all who begin at once, and nothing else is left', async () => {
  const made = await Promise.all(Array.from({ length: 8 }, () => keptSecret(folder)));
  expect(new Set(made).size).toBe(1);
  expect(await readdir(folder)).toEqual(['recordings.secret']);
});

it.each(['', 'short', `${'x'.repeat(43)}!`])('a file that holds none is not overwritten: %j', async (text) => {
  await writeFile(join(folder, 'recordings.secret'), text);
  await expect(keptSecret(folder)).rejects.toThrow('holds no secret');
});

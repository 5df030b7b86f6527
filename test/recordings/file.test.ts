import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openInside } from '../../src/recordings/file.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inside-'));
  await mkdir(join(folder, 'recordings', 'sub'), { recursive: true });
  await mkdir(join(folder, 'recordings-other'));
  await Promise.all(['recordings/in.wav', 'recordings/sub/in.wav', 'outside.wav', 'recordings-other/out.wav'].map((path) => writeFile(join(folder, path), path)));
  await symlink(join(folder, 'recordings'), join(folder, 'mounted'));
  await symlink('../outside.wav', join(folder, 'recordings', 'leak.wav'));
  await symlink('../../recordings-other', join(folder, 'recordings', 'sub', 'other'));
});
afterAll(() => rm(folder, { recursive: true }));

async function contentOf(directory: string, path: string): Promise<string | undefined> {
  const file = await openInside(join(folder, directory), path);
  try {
    return file && await file.handle.readFile('utf8');
  } finally {
    await file?.handle.close();
  }
}

it.each([['recordings', 'in.wav', 'recordings/in.wav'], ['recordings', 'sub/in.wav', 'recordings/sub/in.wav'], ['recordings', 'sub/../in.wav', 'recordings/in.wav'], ['mounted', 'in.wav', 'recordings/in.wav']])(
  'opens %s %s', async (directory, path, content) => {
    expect(await contentOf(directory, path)).toBe(content);
  });

it.each([
  '../outside.wav', '../recordings-other/out.wav', 'sub/../../outside.wav', '/etc/hostname', 'leak.wav', 'sub/other/out.wav', '.', '', '..', 'sub', 'none.wav', 'in.wav/x', 'in.wav\0', '\0', 'x'.repeat(5_000), '/dev/null', '../../../../../../../../dev/zero',
])('there is nothing at %j', async (path) => {
  expect(await contentOf('recordings', path)).toBeUndefined();
});

it('there is nothing where the directory is not there', async () => {
  expect(await contentOf('unmounted', 'in.wav')).toBeUndefined();
});

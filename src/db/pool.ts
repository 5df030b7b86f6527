import pg from 'pg';
import type { Logger } from '../log.js';

/** The part of pg's Pool and PoolClient that a query needs; a transaction passes its client here. */
export interface Queryable {
  query<Row>(text: string, values?: unknown[]): Promise<{ rows: Row[]; rowCount: number | null }>;
}

/** pg's pool, named here so that the folders above need not import pg. */
export type Pool = pg.Pool;

export interface PoolOptions {
  /** `postgres://user:password@host:port/database`, as libpq writes it. */
  url: string;
  /** Connections at most; default 10. */
  max?: number;
  /** A statement that takes longer is cancelled by the server; default 30 s. */
  statementTimeoutMs?: number;
  /** How long to wait for a free connection, or for a new one to open; default 10 s. */
  connectTimeoutMs?: number;
}

/** Of Postgres: what our statements need. */
export const OLDEST_VERSION = 15;

/** The server could not be asked: it is away, or refuses us; it may be different in a moment. */
export class ServerAway extends Error {}

const INT8 = 20;
const types = {
  // Counts and identities come as numbers everywhere; one that a number cannot hold is an error and never a rounded value.
  getTypeParser: (oid: number, format: 'text' | 'binary' = 'text'): ((value: string) => unknown) =>
    oid === INT8 && format === 'text' ? exactInteger : pg.types.getTypeParser(oid, format) as (value: string) => unknown,
};

/** What every connection of ours is opened with, pooled or not. */
export function connectionOptions(url: string): pg.ClientConfig {
  return { connectionString: url, application_name: 'hookswitch', keepAlive: true, connectionTimeoutMillis: 10_000, types };
}

/** Opens connections as they are needed, so an unreachable server shows in the first query and not here. */
export function createPool({ url, max = 10, statementTimeoutMs = 30_000, connectTimeoutMs = 10_000 }: PoolOptions, log: Logger): Pool {
  const pool = new pg.Pool({ ...connectionOptions(url), pipeline: true, max, statement_timeout: statementTimeoutMs, connectionTimeoutMillis: connectTimeoutMs });
  // Without a listener the end of an idle connection would end the process; the pool itself just opens another.
  pool.on('error', (error) => { if (!pool.ending) log.warn('idle database connection lost', { code: codeOf(error) }); });
  // What a server that shuts down says in the same breath as its greeting comes when the pool no longer listens, and who asked for the
  // connection not yet.
  pool.on('connect', (client) => { client.on('error', () => {}); });
  return pool;
}

/** Runs `work` in one transaction: committed when it resolves, rolled back when it throws. */
export async function inTransaction<T>(pool: Pool, work: (db: Queryable) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  const lost = () => {}; // the query in hand rejects anyway; but outside of the pool nobody else listens, and that would end the process
  client.on('error', lost);
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((gone: Error) => { broken = gone; });
    throw error;
  } finally {
    client.off('error', lost);
    client.release(broken); // a connection that cannot even roll back is closed, and the server rolls back
  }
}

/** Throws unless a Postgres of version 15 or newer answers at `url`; the message names the server, never the password. */
export async function requireServer(url: string): Promise<void> {
  const client = new pg.Client(connectionOptions(url));
  client.on('error', () => {}); // what breaks meanwhile rejects the query below
  let tooOld: string | undefined;
  try {
    await client.connect();
    const { rows } = await client.query<{ number: string; version: string }>(
      `select current_setting('server_version_num') as number, current_setting('server_version') as version`);
    const { number, version } = rows[0]!;
    tooOld = Number(number) < OLDEST_VERSION * 10_000 ? version : undefined;
  } catch (error) {
    throw new ServerAway(`Postgres at ${serverOf(url)} does not let us in: ${codeOf(error)}`, { cause: error });
  } finally {
    await client.end().catch(() => {}); // never connected, or gone already
  }
  if (tooOld !== undefined) throw new Error(`Postgres at ${serverOf(url)} is version ${tooOld}; ${OLDEST_VERSION} or newer is needed`);
}

/** `host:port/database` of a connection string: all of it that may be shown. */
export function serverOf(url: string): string {
  if (!URL.canParse(url)) return 'the configured address, which is no postgres:// URL,';
  const { hostname, port, pathname } = new URL(url);
  return `${hostname || 'the local socket'}:${port || '5432'}${pathname}`;
}

/** The SQLSTATE or the errno name by which an error of pg is judged, also of one that it caused; `unknown` where there is neither. */
export function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'unknown';
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  return typeof code === 'string' ? code : codeOf(cause);
}

/** SQLSTATE classes 22 and 23: it is the data that is wrong, and it would be again; the connection is as good as before. */
export function isOfData(error: unknown): boolean {
  return /^2[23]/.test(codeOf(error));
}

function exactInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`A bigint of ${text.length} digits is beyond what a number holds`);
  return value;
}

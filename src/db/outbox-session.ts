import type pg from 'pg';
import { codeOf, isOfData, type Pool, type Queryable } from './pool.js';

/**
 * One connection of its own, opened when first needed and again after it was lost. Statements are sent at once and done one after
 * another, each a transaction of its own, in the order of the calls.
 */
export interface Session extends Queryable {
  /** Ends the connection, and with it what it holds; a later query opens a new one. */
  close(): void;
}

export interface SessionOptions {
  /** A statement not answered by then is given up, and its connection with it: the server may be behind a cut cable. */
  deadlineMs: number;
  /** Called once for each connection that ends other than through `close`. */
  onLost?: (code: string) => void;
}

/**
 * For statements that come again and again. They are prepared once and keep their plan, and Postgres makes that plan while the
 * table is new and empty: then reading all of it looks cheapest, and stays so in the plan when it has a million rows. So all
 * ways are closed but the one that is right at any size: to go through the index, row by row. Where a statement would still
 * leave a choice, it is written so that only one index fits.
 *
 * A plan that is kept speaks of the partitions of all days, and leaves out before each run those that its parameters rule out. One
 * made anew for each run would speak of fewer and look cheaper, but making it costs more than running it: hence the mode.
 */
const OUTBOX_SETUP = `set enable_seqscan = off; set enable_bitmapscan = off; set enable_hashjoin = off; set enable_mergejoin = off; set jit = off;
  set plan_cache_mode = force_generic_plan`;

/**
 * A statement that fails takes its connection with it, and all that was sent after it: what state it left behind there is nobody's
 * question then. Only what is wrong with the data alone (`isOfData`) says nothing about the connection.
 */
export function createSession(pool: Pool, { deadlineMs, onLost }: SessionOptions): Session {
  const names = new Map<string, string>();
  let current: pg.PoolClient | undefined;
  let connecting: Promise<pg.PoolClient> | undefined;

  function drop(client: pg.PoolClient, error: Error): void {
    if (current !== client) return;
    current = undefined;
    client.release(error);
    onLost?.(codeOf(error));
  }

  async function connect(): Promise<pg.PoolClient> {
    const client = await pool.connect();
    current = client;
    client.on('error', (error) => drop(client, error));
    await guard(client, { text: OUTBOX_SETUP });
    return client;
  }

  async function guard<Row>(client: pg.PoolClient, statement: pg.QueryConfig): Promise<{ rows: Row[]; rowCount: number | null }> {
    try {
      const { rows, rowCount } = await client.query(withDeadline(statement, deadlineMs));
      return { rows: rows as Row[], rowCount };
    } catch (error) {
      if (!isOfData(error)) drop(client, error as Error);
      throw error;
    }
  }

  function nameOf(text: string): string {
    const known = names.get(text);
    if (known !== undefined) return known;
    const name = `outbox_${names.size + 1}`;
    names.set(text, name);
    return name;
  }

  return {
    async query<Row>(text: string, values: unknown[] = []) {
      const client = current ?? await (connecting ??= connect().finally(() => { connecting = undefined; }));
      return guard<Row>(client, { name: nameOf(text), text, values });
    },
    close() {
      const client = current;
      current = undefined;
      client?.release(true);
    },
  };
}

/** pg knows a deadline per query; its types do not. */
function withDeadline(statement: pg.QueryConfig, deadlineMs: number): pg.QueryConfig {
  return { ...statement, query_timeout: deadlineMs } as pg.QueryConfig;
}

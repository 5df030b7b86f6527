import pg from 'pg';
import { codeOf, connectionOptions } from './pool.js';

/** A connection of its own that hears one channel. It must reach Postgres itself: a transaction pooler in between forgets who listens. */
export interface Listener {
  /** Resolves once, with the reason, however the connection ended. */
  readonly ended: Promise<string>;
  /** Asks the server for a sign of life; a connection that gives none in time has ended. */
  ping(): Promise<void>;
  /** Resolves when the server has let go, which takes forever where the network is gone. */
  close(): Promise<void>;
}

const ANSWER_MS = 10_000;

/** Resolves when the server listens for us: every commit after that calls `onNotification` with its payload, or ends the connection. */
export async function listen(url: string, channel: string, onNotification: (payload: string) => void): Promise<Listener> {
  const client = new pg.Client({ ...connectionOptions(url), query_timeout: ANSWER_MS });
  let end!: (reason: string) => void;
  const ended = new Promise<string>((resolve) => { end = resolve; });
  client.on('error', (error) => end(codeOf(error)));
  client.on('end', () => end('closed'));
  client.on('notification', ({ payload }) => onNotification(payload ?? ''));

  const close = async (reason: string) => {
    end(reason);
    await client.end().catch(() => {}); // never connected, or gone already
  };
  try {
    await client.connect();
    await client.query(`listen ${pg.escapeIdentifier(channel)}`);
  } catch (error) {
    void close(codeOf(error));
    throw new Error(`Could not listen on ${channel}`, { cause: error });
  }
  return {
    ended,
    ping: () => client.query('select').then(() => {}, (error: unknown) => { void close(codeOf(error)); }),
    close: () => close('closed by us'),
  };
}

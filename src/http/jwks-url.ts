import { errors } from 'jose';
import type { Clock } from '../clock.js';
import { codeOf } from '../db/pool.js';
import type { Logger } from '../log.js';
import { KeysAway, KeysFault, keySet, MAX_SET_BYTES, type FindKey } from './jwks.js';

export interface RemoteKeysDeps { clock: Pick<Clock, 'monotonicMs'>; log: Logger }

/** How long keys are used before they are fetched anew; requests go on with the old ones meanwhile. */
const MAX_AGE_MS = 600_000;
/** How long the old ones are used where no new ones can be had: a withdrawn key must end some day. */
const LONGEST_AGE_MS = 86_400_000;
/** Anybody can invent the name of a key, and must not make us fetch at will. */
const COOLDOWN_MS = 30_000;
const RETRY_MS = 5_000;
const DEADLINE_MS = 2_000;

/**
 * The keys at a URL: fetched at the first token, every ten minutes, and for a token that names an unknown key. At most one fetch
 * is under way, with a deadline; while it fails, tokens of known keys are judged as before, and others are refused with
 * `KeysAway` at once, save the few that ask for the next try.
 */
export function createRemoteKeys(url: string, { clock, log }: RemoteKeysDeps): FindKey {
  let keys: FindKey | undefined;
  let fetchedAtMs = -Infinity;
  let triedAtMs = -Infinity;
  let failure = '';
  let pending: Promise<void> | undefined;

  async function load(): Promise<void> {
    triedAtMs = clock.monotonicMs();
    try {
      keys = await keySet(await download(url));
      fetchedAtMs = clock.monotonicMs();
      if (failure !== '') log.info('the keys of JWTs are fetched again');
      failure = '';
    } catch (error) {
      const reason = reasonOf(error);
      if (failure !== reason) log.warn('the keys of JWTs cannot be fetched', { reason });
      failure = reason;
    }
  }

  /** Joins the fetch under way, or begins one unless the last one was just now. */
  async function refresh(): Promise<void> {
    const restMs = failure === '' ? COOLDOWN_MS : RETRY_MS;
    if (pending === undefined && clock.monotonicMs() - triedAtMs < restMs) return;
    await (pending ??= load().finally(() => { pending = undefined; }));
  }

  const ageMs = () => clock.monotonicMs() - fetchedAtMs;
  return async (header, token) => {
    if (ageMs() > LONGEST_AGE_MS) await refresh();
    else if (ageMs() > MAX_AGE_MS) void refresh();
    if (keys === undefined || ageMs() > LONGEST_AGE_MS) throw new KeysAway('No keys could be fetched');
    try {
      return await keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await refresh();
      if (failure !== '') throw new KeysAway('The key may be new, and no keys could be fetched', { cause: error });
      return await keys(header, token);
    }
  };
}

async function download(url: string): Promise<string> {
  // Where the keys are is the operator's word; whoever answers there shall not send us elsewhere.
  const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(DEADLINE_MS), headers: { accept: 'application/json' } });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk as Uint8Array);
    bytes += (chunk as Uint8Array).byteLength;
    if (bytes > MAX_SET_BYTES) throw new KeysFault(`is longer than ${MAX_SET_BYTES} bytes`);
  }
  if (response.status !== 200) throw new KeysFault(`is answered with status ${response.status}`);
  return Buffer.concat(chunks).toString('utf8');
}

function reasonOf(error: unknown): string {
  if (error instanceof KeysFault) return `the set ${error.message}`;
  return (error as { name?: unknown } | null)?.name === 'TimeoutError' ? `no answer within ${DEADLINE_MS} ms` : codeOf(error);
}

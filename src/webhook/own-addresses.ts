import { isIP } from 'node:net';
import type { Resolve } from './resolver.js';

/** A service of our own that no webhook may reach: a switch's event socket, the database. */
export interface Endpoint { readonly host: string; readonly port: number }

/** Where our own services are, by address. */
export interface OwnAddresses {
  /** What is known now. The array is another one whenever that has changed. */
  known(): readonly { readonly address: string; readonly port: number }[];
  /** Resolves once names have been resolved for the first time; undefined where there is nothing to wait for. Starts what is due in the background. */
  refresh(): Promise<void> | undefined;
}

export interface OwnAddressesDeps {
  /** As the connections to them do: by the system, also where receivers' names are asked of other servers. */
  resolve: Resolve;
  /** Milliseconds of a clock that never goes back. */
  nowMs: () => number;
}

/** How old the answer about a name may be. */
const MAX_AGE_MS = 30_000;

/**
 * The addresses of our own services. Names are resolved when addresses are compared, at most every half minute; while one does
 * not resolve, it keeps the addresses that it had, for that is where its connections still go.
 */
export function createOwnAddresses(endpoints: readonly Endpoint[], { resolve, nowMs }: OwnAddressesDeps): OwnAddresses {
  const names = endpoints.filter(({ host }) => isIP(host) === 0);
  const literal = endpoints.filter(({ host }) => isIP(host) !== 0).map(({ host, port }) => ({ address: host, port }));
  const addressesOf = new Map<string, readonly string[]>();
  let known: ReturnType<OwnAddresses['known']> = literal;
  let askedAtMs = -Infinity;
  let first: Promise<void> | undefined;
  let isReady = names.length === 0;

  async function ask(): Promise<void> {
    await Promise.all([...new Set(names.map(({ host }) => host))].map(async (host) => {
      const addresses = await resolve(host).catch(() => []);
      if (addresses.length > 0) addressesOf.set(host, addresses.map(({ address }) => address));
    }));
    known = [...literal, ...names.flatMap(({ host, port }) => (addressesOf.get(host) ?? []).map((address) => ({ address, port })))];
  }

  return {
    known: () => known,
    refresh() {
      if (names.length > 0 && nowMs() - askedAtMs >= MAX_AGE_MS) {
        askedAtMs = nowMs();
        const asking = ask().then(() => { isReady = true; });
        first ??= asking;
      }
      return isReady ? undefined : first;
    },
  };
}

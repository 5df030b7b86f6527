import type { LookupAddress } from 'node:dns';
import { lookup, Resolver } from 'node:dns/promises';
import { isLocalhost } from './host-names.js';

/** All addresses of a host name; rejects with a `code` such as ENOTFOUND. */
export type Resolve = (hostname: string) => Promise<LookupAddress[]>;

const SERVER_WAIT_MS = 2_000;
const TRIES = 2;

/**
 * Asks the system (hosts file and DNS), or the DNS servers given, each an address with or without a port; then neither the hosts
 * file nor the system's search domains count. Questions about one name that are asked at once share an answer: the system's
 * getaddrinfo occupies one of the few threads of libuv, and a name whose servers are silent would soon occupy them all. With
 * servers of our own there are no threads to occupy; `waitMs` is how long one of them may take before the next is asked.
 */
export function createResolver(servers: readonly string[] = [], waitMs = SERVER_WAIT_MS): Resolve {
  const ask = servers.length === 0 ? askSystem : askServers(servers, waitMs);
  const asked = new Map<string, Promise<LookupAddress[]>>();
  return (hostname) => {
    const known = asked.get(hostname);
    if (known !== undefined) return known;
    const answer = ask(hostname).finally(() => { asked.delete(hostname); });
    asked.set(hostname, answer);
    return answer;
  };
}

const askSystem: Resolve = (hostname) => lookup(hostname, { all: true, order: 'verbatim' });

const LOOPBACK: readonly LookupAddress[] = [{ address: '127.0.0.1', family: 4 }, { address: '::1', family: 6 }];

function askServers(servers: readonly string[], waitMs: number): Resolve {
  const resolver = new Resolver({ timeout: waitMs, tries: TRIES });
  resolver.setServers(servers);
  return async (hostname) => {
    if (isLocalhost(hostname)) return [...LOOPBACK];
    const [four, six] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    const found = [
      ...(four.status === 'fulfilled' ? four.value.map((address) => ({ address, family: 4 })) : []),
      ...(six.status === 'fulfilled' ? six.value.map((address) => ({ address, family: 6 })) : []),
    ];
    if (found.length > 0) return found;
    throw failureOf(hostname, [four, six]);
  };
}

/** A name is not found only where both questions were answered so; a server that failed may yet know it. */
function failureOf(hostname: string, answers: readonly PromiseSettledResult<string[]>[]): Error {
  const errors = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as NodeJS.ErrnoException] : []));
  const cause = errors.find(({ code }) => code !== 'ENODATA' && code !== 'ENOTFOUND');
  return Object.assign(new Error(`${hostname} cannot be resolved`, { cause: cause ?? errors[0] }), { code: cause?.code ?? 'ENOTFOUND' });
}

import type { LookupAddress, LookupOptions } from 'node:dns';
import { lookup as lookupAll } from 'node:dns/promises';
import type { AddressPolicy } from './address.js';

/** All addresses of a host name; rejects with a `code` such as ENOTFOUND. */
export type Resolve = (hostname: string) => Promise<LookupAddress[]>;

/** What `net.connect` calls to turn a name into addresses. */
export type Lookup = (hostname: string, options: LookupOptions, done: LookupDone) => void;
type LookupDone = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/** The error code of a name that has addresses, none of which may be called. */
export const ADDRESS_REFUSED = 'ADDRESS_REFUSED';

/** A name whose every address is refused by the policy; it ends a connection attempt as any DNS error does. */
export class AddressRefused extends Error {
  readonly code = ADDRESS_REFUSED;
}

/**
 * Asks the system (hosts file and DNS). Questions about one name that are asked at once share an answer: getaddrinfo occupies
 * one of the few threads of libuv, and a name whose servers are silent would soon occupy them all.
 */
export function createResolver(): Resolve {
  const asked = new Map<string, Promise<LookupAddress[]>>();
  return (hostname) => {
    const known = asked.get(hostname);
    if (known !== undefined) return known;
    const answer = lookupAll(hostname, { all: true, order: 'verbatim' }).finally(() => { asked.delete(hostname); });
    asked.set(hostname, answer);
    return answer;
  };
}

/**
 * A lookup that hands out only addresses that may be called. The address checked is the address connected to, so a name
 * that answers differently a moment later (DNS rebinding) gains nothing.
 */
export function createCheckedLookup(policy: AddressPolicy, resolve: Resolve): Lookup {
  return (hostname, options, done) => {
    resolveAllowed(hostname, policy, resolve).then((addresses) => {
      const family = familyOf(options.family);
      const fitting = family === 0 ? addresses : addresses.filter((address) => address.family === family);
      const [first] = fitting;
      if (first === undefined) done(Object.assign(new Error(`${hostname} has no IPv${family} address`), { code: 'ENOTFOUND' }), '');
      else if (options.all) done(null, fitting);
      else done(null, first.address, first.family);
    }, (error: unknown) => done(error as NodeJS.ErrnoException, ''));
  };
}

/** The addresses of a name that may be called; rejects with `AddressRefused` when it has only others. */
export async function resolveAllowed(hostname: string, policy: AddressPolicy, resolve: Resolve): Promise<LookupAddress[]> {
  const addresses = await resolve(hostname);
  const verdicts = addresses.map(({ address }) => policy.check(address));
  const allowed = addresses.filter((_, index) => verdicts[index]?.kind === 'allowed');
  const refused = verdicts.find((verdict) => verdict.kind === 'refused');
  if (allowed.length === 0 && refused !== undefined) throw new AddressRefused(refused.reason);
  return allowed;
}

function familyOf(family: LookupOptions['family']): number {
  return family === 'IPv4' ? 4 : family === 'IPv6' ? 6 : (family ?? 0);
}

import type { LookupAddress, LookupOptions } from 'node:dns';
import type { AddressPolicy } from './address.js';
import type { Resolve } from './resolver.js';

export { createResolver, type Resolve } from './resolver.js';

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
 * A lookup, for connections to `port`, that hands out only addresses that may be called. The address checked is the address
 * connected to, so a name that answers differently a moment later (DNS rebinding) gains nothing.
 */
export function createCheckedLookup(policy: AddressPolicy, resolve: Resolve, port?: number): Lookup {
  return (hostname, options, done) => {
    resolveAllowed(hostname, policy, resolve, port).then((addresses) => {
      const family = familyOf(options.family);
      const fitting = family === 0 ? addresses : addresses.filter((address) => address.family === family);
      const [first] = fitting;
      if (first === undefined) done(Object.assign(new Error(`${hostname} has no IPv${family} address`), { code: 'ENOTFOUND' }), '');
      else if (options.all) done(null, fitting);
      else done(null, first.address, first.family);
    }, (error: unknown) => done(error as NodeJS.ErrnoException, ''));
  };
}

/** The addresses of a name that may be called, at `port` where that is known; rejects with `AddressRefused` when it has only others. */
export async function resolveAllowed(hostname: string, policy: AddressPolicy, resolve: Resolve, port?: number): Promise<LookupAddress[]> {
  const [addresses] = await Promise.all([resolve(hostname), policy.refresh()]);
  const verdicts = addresses.map(({ address }) => policy.check(address, { host: hostname, port }));
  const allowed = addresses.filter((_, index) => verdicts[index]?.kind === 'allowed');
  const refused = verdicts.find((verdict) => verdict.kind === 'refused');
  if (allowed.length === 0 && refused !== undefined) throw new AddressRefused(refused.reason);
  return allowed;
}

function familyOf(family: LookupOptions['family']): number {
  return family === 'IPv4' ? 4 : family === 'IPv6' ? 6 : (family ?? 0);
}

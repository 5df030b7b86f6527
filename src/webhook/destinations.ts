import { isIP } from 'node:net';
import type { Config } from '../config.js';
import { createAddressPolicy, type AddressPolicy } from './address.js';
import { createOwnAddresses, type Endpoint, type OwnAddressesDeps } from './own-addresses.js';

const POSTGRES_PORT = 5_432;

/** Where webhooks may go, as configured. `databaseUrl` is that of the Postgres in use, also an embedded one; '' where none is known. */
export function createConfiguredPolicy({ delivery, webhook, switches, fusionpbx }: Config, databaseUrl: string, deps: OwnAddressesDeps): AddressPolicy {
  const eventSockets = switches.map(({ host, port }) => ({ host: plainHost(host), port }));
  const own = createOwnAddresses([...eventSockets, ...databaseEndpoints(databaseUrl), ...databaseEndpoints(fusionpbx.url)], deps);
  return createAddressPolicy({ allow: delivery.allowAddresses, allowHosts: webhook.allowHosts, allowPorts: webhook.allowPorts, own });
}

/** Where a Postgres listens; nowhere on the network where it is reached through a socket in the file system. */
export function databaseEndpoints(url: string): Endpoint[] {
  if (url === '') return [];
  const { hostname, port, searchParams } = new URL(url);
  const host = searchParams.get('host') ?? decodeURIComponent(hostname);
  return host === '' || host.startsWith('/') ? [] : [{ host: plainHost(host), port: Number(searchParams.get('port') ?? (port === '' ? POSTGRES_PORT : port)) }];
}

/** An IPv6 address without the brackets that it has in a URL. */
function plainHost(host: string): string {
  const bare = host.replace(/^\[|\]$/g, '');
  return isIP(bare) === 0 ? host : bare;
}

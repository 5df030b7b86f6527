import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type OutgoingHttpHeaders, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { SecureContext } from 'node:tls';
import { hostOf, portOf } from './address.js';
import { isNamedBy } from './host-names.js';
import type { Lookup } from './lookup.js';
import { Forwards, Tunnels } from './proxy.js';

export interface RouteOptions {
  /** Connections to one origin at once; further POSTs wait for one, within their deadline. */
  maxSocketsPerOrigin: number;
  /** How long an unused connection is kept. */
  idleMs: number;
  /** How long a proxy may take to open a tunnel. */
  connectMs: number;
  /** Whom to trust; without it, the well-known authorities. */
  secureContext?: SecureContext | undefined;
  /** The proxy, http or https, with its credentials where it wants any; '' or absent: none. */
  proxyUrl?: string | undefined;
  /** Hosts that are called directly all the same, see `isNamedBy`. */
  noProxy?: readonly string[] | undefined;
}

/** The ways to all receivers, and the connections that are open on them. */
export interface Routes {
  isProxied(url: Readonly<URL>): boolean;
  /** Begins one request. */
  open(url: Readonly<URL>, options: OpenOptions): ClientRequest;
  close(): void;
}

export interface OpenOptions {
  /** POST unless given. */
  method?: 'POST' | 'HEAD';
  headers: OutgoingHttpHeaders;
  /** Resolves the name where the way is direct. */
  lookup: Lookup;
  /** On a connection of its own. */
  fresh: boolean;
}

interface Agents { http: HttpAgent; https: HttpAgent }

/** See `Routes`. Opens nothing by itself. */
export function createRoutes(options: RouteOptions): Routes {
  const { proxyUrl = '', noProxy = [] } = options;
  const direct = { kept: directAgents(options, true), fresh: directAgents(options, false) };
  const proxied = proxyUrl === '' ? undefined : { kept: proxiedAgents(proxyUrl, options, true), fresh: proxiedAgents(proxyUrl, options, false) };
  const tls = tlsOptions(options);

  const isProxied = (url: Readonly<URL>) => proxied !== undefined && !isNamedBy(noProxy, hostOf(url));

  return {
    isProxied,
    open(url, { method = 'POST', headers, lookup, fresh }) {
      const secure = url.protocol === 'https:';
      const viaProxy = isProxied(url);
      const ways = (viaProxy ? proxied : undefined) ?? direct;
      const agents = fresh ? ways.fresh : ways.kept;
      // Nothing but what is needed: Node copies these more than once for each request, and got's own forty cost a fifth of it.
      const request: RequestOptions = {
        method, protocol: url.protocol, host: hostOf(url), port: portOf(url), path: url.pathname + url.search,
        headers, lookup, agent: secure ? agents.https : agents.http,
      };
      if (!viaProxy) return secure ? httpsRequest(request) : httpRequest(request);
      if (secure) return httpsRequest({ ...request, ...tls });
      // Whole, for the agent would make it so by the rules for links, in which a path such as //10.0.0.1/ names another host.
      return httpRequest({ ...request, path: url.href });
    },
    close: () => {
      for (const ways of [direct, ...(proxied === undefined ? [] : [proxied])]) {
        for (const agents of [ways.kept, ways.fresh]) { agents.http.destroy(); agents.https.destroy(); }
      }
    },
  };
}

function agentOptions({ maxSocketsPerOrigin, idleMs }: RouteOptions, keepAlive: boolean) {
  // `timeout` ends only connections that nobody uses; a POST in hand has its own deadline.
  // A burst that has ended leaves as many connections unused as it had; the next one wants them all.
  return { keepAlive, maxSockets: maxSocketsPerOrigin, maxFreeSockets: maxSocketsPerOrigin, timeout: idleMs };
}

/** Said, because an environment variable of Node could otherwise turn the check of certificates off. */
function tlsOptions({ secureContext }: RouteOptions) {
  return { rejectUnauthorized: true, ...(secureContext !== undefined && { secureContext }) };
}

function directAgents(options: RouteOptions, keepAlive: boolean): Agents {
  const common = agentOptions(options, keepAlive);
  return { http: new HttpAgent(common), https: new HttpsAgent({ ...common, ...tlsOptions(options) }) };
}

function proxiedAgents(proxyUrl: string, options: RouteOptions, keepAlive: boolean): Agents {
  const common = { ...agentOptions(options, keepAlive), ...tlsOptions(options) };
  return { http: new Forwards(proxyUrl, common), https: new Tunnels(proxyUrl, common, options.connectMs) };
}

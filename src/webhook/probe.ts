import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { portOf, type AddressPolicy } from './address.js';
import { AddressRefused, createCheckedLookup, resolveAllowed, type Resolve } from './lookup.js';
import { createRoutes, type RouteOptions } from './routes.js';

/** How far one request to a URL came. The first step that failed is the last there is. */
export interface UrlProbe {
  /** Why no webhook may go there; undefined where one may. */
  readonly refused?: string;
  /** What its name resolves to; the code of the failure where it does not. */
  readonly addresses?: readonly string[];
  readonly dnsFailure?: string;
  /** The way leads through the configured proxy: it is what is connected to. */
  readonly viaProxy?: boolean;
  /** The address that let itself be connected to, '' for the proxy; the code where none did, PROXY_403 and its like where the proxy let nothing through. */
  readonly connectedTo?: string;
  readonly connectFailure?: string;
  /** Until when its certificate is valid; the code where there is no trust in it. Absent for http. */
  readonly certificateUntil?: Date;
  readonly tlsFailure?: string;
  /** The answer to a HEAD; the code where there was none. */
  readonly status?: number;
  readonly answerFailure?: string;
}

export interface UrlProbeDeps extends Pick<RouteOptions, 'secureContext' | 'proxyUrl' | 'noProxy'> {
  policy: AddressPolicy;
  resolve: Resolve;
  /** For all of it. */
  timeoutMs: number;
}

/** Asks a receiver for nothing: a HEAD on the way that a webhook would take. It is never a webhook, and nothing in it is a tenant's. */
export async function probeUrl(text: string, { policy, resolve, timeoutMs, ...ways }: UrlProbeDeps): Promise<UrlProbe> {
  await policy.refresh();
  const target = policy.checkUrl(text);
  if (target.kind === 'refused') return { refused: target.reason };
  const { url, lookUp } = target;
  const deadline = AbortSignal.timeout(timeoutMs);
  let addresses: string[] | undefined;
  if (lookUp !== undefined) {
    const answer = await Promise.race([resolveAllowed(lookUp, policy, resolve, portOf(url)).catch((error: unknown) => error as NodeJS.ErrnoException), timedOut(deadline)]);
    if (answer instanceof AddressRefused) return { refused: answer.message };
    if (answer instanceof Error) return { dnsFailure: answer.code ?? answer.name };
    addresses = answer.map(({ address }) => address);
  }
  const routes = createRoutes({ ...ways, maxSocketsPerOrigin: 1, idleMs: timeoutMs, connectMs: timeoutMs });
  const request = routes.open(url, { method: 'HEAD', headers: { 'user-agent': 'hookswitch-check' }, lookup: createCheckedLookup(policy, resolve, portOf(url)), fresh: true });
  const probe = await exchange(request, { secure: url.protocol === 'https:', viaProxy: routes.isProxied(url), deadline });
  routes.close();
  return { ...(addresses && { addresses }), ...probe };
}

function exchange(request: ClientRequest, { secure, viaProxy, deadline }: { secure: boolean; viaProxy: boolean; deadline: AbortSignal }): Promise<UrlProbe> {
  return new Promise((resolve) => {
    let so: UrlProbe = viaProxy ? { viaProxy } : {};
    const connected = (socket: Socket) => { so = { ...so, connectedTo: viaProxy ? '' : socket.remoteAddress ?? '' }; };
    request.once('socket', (socket: Socket) => {
      if (!socket.connecting) connected(socket); // through a proxy: the way is there before the socket
      socket.once('connect', () => connected(socket));
      socket.once('secureConnect', () => { so = { ...so, certificateUntil: new Date((socket as TLSSocket).getPeerCertificate().valid_to) }; });
    });
    const end = (probe: UrlProbe) => {
      resolve(probe);
      request.destroy();
    };
    request.once('response', ({ statusCode = 0 }: IncomingMessage) => end(viaProxy && statusCode === 407 ? { ...so, answerFailure: 'PROXY_407' } : { ...so, status: statusCode }));
    request.on('error', (error: NodeJS.ErrnoException) => {
      const code = deadline.aborted ? 'ETIMEDOUT' : error.code ?? error.name;
      if (so.connectedTo === undefined) end({ ...so, connectFailure: code });
      else if (secure && so.certificateUntil === undefined) end({ ...so, tlsFailure: code });
      else end({ ...so, answerFailure: code });
    });
    deadline.addEventListener('abort', () => { request.destroy(new Error('timed out')); }, { once: true });
    request.end();
  });
}

function timedOut(signal: AbortSignal): Promise<NodeJS.ErrnoException> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' })), { once: true });
  });
}

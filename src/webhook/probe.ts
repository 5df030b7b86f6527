import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { AddressPolicy } from './address.js';
import { AddressRefused, createCheckedLookup, resolveAllowed, type Resolve } from './lookup.js';

/** How far one request to a URL came. The first step that failed is the last there is. */
export interface UrlProbe {
  /** Why no webhook may go there; undefined where one may. */
  readonly refused?: string;
  /** What its name resolves to; the code of the failure where it does not. */
  readonly addresses?: readonly string[];
  readonly dnsFailure?: string;
  /** The address that let itself be connected to; the code where none did. */
  readonly connectedTo?: string;
  readonly connectFailure?: string;
  /** Until when its certificate is valid; the code where there is no trust in it. Absent for http. */
  readonly certificateUntil?: Date;
  readonly tlsFailure?: string;
  /** The answer to a HEAD; the code where there was none. */
  readonly status?: number;
  readonly answerFailure?: string;
}

export interface UrlProbeDeps {
  policy: AddressPolicy;
  resolve: Resolve;
  /** For all of it. */
  timeoutMs: number;
  /** Certificate authorities (PEM) to trust instead of the well-known ones. */
  certificateAuthority?: string;
}

/** Asks a receiver for nothing: a HEAD on the way that a webhook would take. It is never a webhook, and nothing in it is a tenant's. */
export async function probeUrl(text: string, { policy, resolve, timeoutMs, certificateAuthority }: UrlProbeDeps): Promise<UrlProbe> {
  const target = policy.checkUrl(text);
  if (target.kind === 'refused') return { refused: target.reason };
  const { url, lookUp } = target;
  const deadline = AbortSignal.timeout(timeoutMs);
  let addresses: string[] | undefined;
  if (lookUp !== undefined) {
    const answer = await Promise.race([resolveAllowed(lookUp, policy, resolve).catch((error: unknown) => error as NodeJS.ErrnoException), timedOut(deadline)]);
    if (answer instanceof AddressRefused) return { refused: answer.message };
    if (answer instanceof Error) return { dnsFailure: answer.code ?? answer.name };
    addresses = answer.map(({ address }) => address);
  }
  const secure = url.protocol === 'https:';
  const options = {
    method: 'HEAD', agent: false, lookup: createCheckedLookup(policy, resolve), signal: deadline, headers: { 'user-agent': 'hookswitch-check' },
    ...(certificateAuthority !== undefined && { ca: certificateAuthority }),
  };
  return { ...(addresses && { addresses }), ...await exchange(secure ? requestHttps(url, options) : requestHttp(url, options), secure, deadline) };
}

function exchange(request: ReturnType<typeof requestHttp>, secure: boolean, deadline: AbortSignal): Promise<UrlProbe> {
  return new Promise((resolve) => {
    let so: UrlProbe = {};
    request.once('socket', (socket: Socket) => {
      socket.once('connect', () => { so = { ...so, connectedTo: socket.remoteAddress ?? '' }; });
      socket.once('secureConnect', () => { so = { ...so, certificateUntil: new Date((socket as TLSSocket).getPeerCertificate().valid_to) }; });
    });
    const end = (probe: UrlProbe) => {
      resolve(probe);
      request.destroy();
    };
    request.once('response', ({ statusCode = 0 }: IncomingMessage) => end({ ...so, status: statusCode }));
    request.on('error', (error: NodeJS.ErrnoException) => {
      const code = deadline.aborted ? 'ETIMEDOUT' : error.code ?? error.name;
      if (so.connectedTo === undefined) end({ ...so, connectFailure: code });
      else if (secure && so.certificateUntil === undefined) end({ ...so, tlsFailure: code });
      else end({ ...so, answerFailure: code });
    });
    request.end();
  });
}

function timedOut(signal: AbortSignal): Promise<NodeJS.ErrnoException> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' })), { once: true });
  });
}

import type { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import { HttpProxyAgent } from 'http-proxy-agent';
import { HttpsProxyAgent } from 'https-proxy-agent';

/** The proxy let no connection through; its answer is not the receiver's. The code holds its status: PROXY_403. */
export class ProxyRefused extends Error {
  readonly code: string;

  constructor(status: number) {
    super(`The proxy answered ${status} to CONNECT`);
    this.code = `PROXY_${status}`;
  }
}

type ProxyOptions = NonNullable<ConstructorParameters<typeof HttpsProxyAgent<string>>[1]> & { timeout: number };
type ConnectOptions = Parameters<HttpsProxyAgent<string>['connect']>[1];

/** Tunnels through a proxy (CONNECT) for https, kept and used again like direct connections. */
export class Tunnels extends HttpsProxyAgent<string> {
  readonly #waitMs: number;

  /** @param waitMs how long the proxy may take for a tunnel: a request that is given up leaves the attempt behind. */
  constructor(proxyUrl: string, options: ProxyOptions, waitMs: number) {
    super(proxyUrl, options);
    this.#waitMs = waitMs;
    this.protocol = 'https:'; // else asked of the call stack with each request
    this.options = { timeout: options.timeout }; // which the constructor has emptied, so that unused ones would stay for ever
  }

  override async connect(request: ClientRequest, options: ConnectOptions): Promise<Socket> {
    let status = 0;
    request.once('proxyConnect', ({ statusCode }: { statusCode: number }) => { status = statusCode; });
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), this.#waitMs);
    const base = this.connectOpts;
    this.connectOpts = { ...base, signal: late.signal };
    try {
      const opening = super.connect(request, options); // has read its options by now
      this.connectOpts = base;
      const socket = await opening;
      // It would show us the proxy's answer as if it were the receiver's, a 2xx as a delivery and a 410 as a farewell.
      if (status === 200) return socket;
      socket.destroy();
      throw new ProxyRefused(status);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Requests through a proxy for plain http: it is asked for the whole URL. */
export class Forwards extends HttpProxyAgent<string> {
  constructor(proxyUrl: string, options: ProxyOptions) {
    super(proxyUrl, options);
    this.protocol = 'http:';
  }
}

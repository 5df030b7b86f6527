import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

export interface ProxyOptions {
  /** Where each name leads; the proxy asks no DNS. An address leads to itself. */
  hosts?: Record<string, string>;
  /** Answers so instead of going anywhere; '' answers nothing. */
  instead?: string;
  /** Speaks TLS with its clients. */
  tls?: { cert: string; key: string };
}

/** A proxy on localhost, written on sockets: CONNECT makes a tunnel, anything else is passed on to the host that it names. */
export async function startProxy({ hosts = {}, instead, tls }: ProxyOptions = {}) {
  /** The head of each request, as it came. */
  const requests: string[] = [];
  const sockets: Socket[] = [];
  const listener = (client: Socket) => {
    sockets.push(client);
    client.on('error', () => {});
    client.on('data', function take(chunk: Buffer) {
      const text = chunk.toString('latin1');
      requests.push(text.slice(0, text.indexOf('\r\n\r\n')));
      if (instead !== undefined) { if (instead !== '') client.write(instead); return; }
      const [method, target = ''] = text.split(' ', 2);
      const url = new URL(method === 'CONNECT' ? `http://${target}` : target);
      const upstream = connect(Number(url.port || 80), hosts[url.hostname] ?? url.hostname);
      sockets.push(upstream);
      upstream.on('error', () => { client.destroy(); });
      upstream.on('close', () => { client.destroy(); });
      client.on('close', () => { upstream.destroy(); });
      if (method === 'CONNECT') {
        client.off('data', take);
        client.pause();
        upstream.once('connect', () => { client.write('HTTP/1.1 200 Connected\r\n\r\n'); client.pipe(upstream).pipe(client); });
      } else {
        client.off('data', take);
        upstream.write(text.replace(target, url.pathname + url.search), 'latin1');
        upstream.on('data', (answer: Buffer) => { client.write(answer); });
        client.on('data', (next: Buffer) => {
          const more = next.toString('latin1');
          requests.push(more.slice(0, more.indexOf('\r\n\r\n')));
          upstream.write(more, 'latin1');
        });
      }
    });
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port, requests, sockets,
    /** Its URL, `user` being what stands before the host. */
    url: (user = '') => `${tls === undefined ? 'http' : 'https'}://${user === '' ? '' : `${user}@`}127.0.0.1:${port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => { server.close(resolve); });
    },
  };
}

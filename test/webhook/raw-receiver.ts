import { createServer, type AddressInfo, type Socket } from 'node:net';

/** What a raw receiver does with one request; `number` counts the requests of all connections from 1. */
export type Answer = (socket: Socket, number: number) => void;

/** A receiver without manners: below HTTP, so that it can do to a connection whatever a broken one would. */
export async function startRawReceiver(answer: Answer, host = '127.0.0.1') {
  const sockets: Socket[] = [];
  let requests = 0;
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    let pending = '';
    socket.on('data', (chunk) => {
      pending += chunk.toString('latin1');
      for (let end = endOfRequest(pending); end > 0; end = endOfRequest(pending)) {
        pending = pending.slice(end);
        answer(socket, ++requests);
      }
    });
  });
  await new Promise<void>((resolve, reject) => { server.on('error', reject).listen(0, host, resolve); });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}/hook`,
    /** Every connection so far, oldest first. */
    sockets,
    get requests() { return requests; },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The head of an answer. */
export const head = (status: number, ...headers: string[]) => [`HTTP/1.1 ${status} X`, ...headers, '', ''].join('\r\n');
/** A whole answer, after which the connection can be used again. */
export const ok = head(200, 'content-length: 0');

function endOfRequest(text: string): number {
  const endOfHead = text.indexOf('\r\n\r\n');
  const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
  const end = endOfHead + 4 + length;
  return endOfHead >= 0 && text.length >= end ? end : 0;
}

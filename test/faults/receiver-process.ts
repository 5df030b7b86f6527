/** A receiver of webhooks as a process of its own: the path is the tenant. It tells its parent of every POST, and behaves as it is told. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { pipeline, Readable } from 'node:stream';
import { chanceOf } from './chance.js';
import type { Order, Post, Told } from './receiver.js';

const GIGABYTE = 2 ** 30;
const DRIP_MS = 10;

const chance = chanceOf(process.argv[2] ?? '');
let order: Order = { kind: 'behave', how: 'well', share: 1 };
let paths: ReadonlySet<string> | undefined;
const told: Told[] = [];
let count = 0;

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('error', () => {}).on('data', (chunk: Buffer) => { chunks.push(chunk); }).on('end', () => take(request, Buffer.concat(chunks), response));
  response.on('error', () => {});
});
server.keepAliveTimeout = 60_000; // the daemon ends idle connections first

function take({ url, headers }: IncomingMessage, body: Buffer, response: ServerResponse): void {
  const how = order.kind === 'behave' && (paths?.has(url!) ?? true) && chance() < order.share ? order.how : 'well';
  const post: Post = {
    number: ++count, path: url!, atMs: Date.now(), id: String(headers['webhook-id']), body: body.toString(),
    sequence: Number(headers['x-hookswitch-sequence']), synthetic: headers['x-hookswitch-synthetic'] !== undefined,
  };
  tell({ kind: 'post', post, accepted: how === 'well' || how === 'flood' });
  switch (how) {
    case 'well': response.end(); break;
    case 'error': response.writeHead(500).end(); break;
    case 'hang': break;
    case 'reset': response.socket?.resetAndDestroy(); break;
    case 'drip': void drip(response.socket!, post.number); break;
    case 'flood': flood(response); break;
  }
}

/** Byte by byte: accepted as soon as the last byte of the head is out. */
async function drip(socket: Socket, number: number): Promise<void> {
  const head = 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n';
  for (const [at, byte] of [...`${head}taken, slowly`].entries()) {
    if (socket.destroyed) return;
    socket.write(byte);
    if (at === head.length - 1) tell({ kind: 'accepted', number });
    await new Promise((resolve) => { setTimeout(resolve, DRIP_MS); });
  }
  socket.end();
}

function flood(response: ServerResponse): void {
  const block = Buffer.alloc(65_536);
  response.writeHead(200, { 'content-length': GIGABYTE });
  pipeline(Readable.from(Array.from({ length: GIGABYTE / block.length }, () => block)), response, () => {});
}

/** In batches: a message a POST would cost more than the POST. */
function tell(what: Told): void {
  if (told.length === 0) setImmediate(() => { process.send?.(told.splice(0)); });
  told.push(what);
}

function listen(port: number): void {
  server.listen(port, '127.0.0.1', () => { process.send?.([{ kind: 'listening', port: (server.address() as AddressInfo).port } satisfies Told]); });
}

process.on('message', (next: Order) => {
  order = next;
  paths = next.kind === 'behave' && next.paths ? new Set(next.paths) : undefined;
  if (next.kind === 'listen') listen(next.port);
  if (next.kind !== 'refuse') return;
  server.close(() => { process.send?.([{ kind: 'refusing' } satisfies Told]); });
  server.closeAllConnections();
});
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => {}); // the parent ends it, after its daemons
listen(0);

import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One POST as the receiver saw it. */
export interface Post { path: string; headers: IncomingHttpHeaders; body: string }

/** How to answer: a status, not at all until `releaseHung`, or by cutting the connection. A function decides by the POST. */
export type Answer = number | 'hang' | 'reset' | ((post: Post) => number | 'hang' | 'reset');

export type Receiver = Awaited<ReturnType<typeof startReceiver>>;

/** Tenants on localhost: every path is a receiver of its own. Answers what was queued, in turn, then `otherwise`, and records all. */
export async function startReceiver({ otherwise = 200, port = 0 }: { otherwise?: Answer; port?: number } = {}) {
  const queued: Answer[] = [];
  const posts: Post[] = [];
  const hung: ServerResponse[] = [];
  const waiters: { until: () => boolean; resolve: () => void }[] = [];
  const inHand = new Map<string, number>();
  const most = new Map<string, number>();
  let fallback = otherwise;
  let taken = 0;

  /** Counts POSTs at once, of one path and of all (under ''). */
  function open(path: string, response: ServerResponse): void {
    for (const key of ['', path]) {
      const now = (inHand.get(key) ?? 0) + 1;
      inHand.set(key, now);
      most.set(key, Math.max(now, most.get(key) ?? 0));
    }
    response.once('close', () => { for (const key of ['', path]) inHand.set(key, inHand.get(key)! - 1); });
  }

  function answer(post: Post, response: ServerResponse): void {
    const next = queued.shift() ?? fallback;
    const how = typeof next === 'function' ? next(post) : next;
    if (how === 'hang') hung.push(response);
    else if (how === 'reset') response.socket?.resetAndDestroy();
    else response.writeHead(how).end();
  }

  function changed(): void {
    for (const waiter of waiters.splice(0)) {
      if (waiter.until()) waiter.resolve(); else waiters.push(waiter);
    }
  }

  const server = createServer((request, response) => {
    const path = request.url!;
    let body = '';
    open(path, response);
    request.on('error', () => {});
    request.setEncoding('utf8').on('data', (chunk: string) => { body += chunk; }).on('end', () => {
      const post = { path, headers: request.headers, body };
      posts.push(post);
      answer(post, response);
      changed();
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const until = (condition: () => boolean): Promise<void> => new Promise((resolve) => {
    if (condition()) resolve(); else waiters.push({ until: condition, resolve });
  });

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    port: (server.address() as AddressInfo).port,
    /** All POSTs so far, in the order of their arrival. */
    posts,
    answerWith: (...answers: Answer[]) => { queued.push(...answers); },
    otherwise: (how: Answer) => { fallback = how; },
    /** The next POST that nobody has taken by `next`. */
    next: async (): Promise<Post> => { const index = taken++; await until(() => posts.length > index); return posts[index]!; },
    /** Resolves when so many POSTs have come in all, or when the condition holds; it is looked at with every POST. */
    received: (count: number): Promise<void> => until(() => posts.length >= count),
    until,
    /** The most POSTs that were ever in hand at once, of one path or of all. */
    mostAtOnce: (path = '') => most.get(path) ?? 0,
    releaseHung: (status = 200) => { for (const response of hung.splice(0)) response.writeHead(status).end(); },
    async close() { server.closeAllConnections(); await new Promise((resolve) => server.close(resolve)); },
  };
}

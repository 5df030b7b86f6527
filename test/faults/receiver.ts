import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** One POST as it arrived. `number` counts them. */
export interface Post { number: number; path: string; atMs: number; id: string; body: string; sequence: number; synthetic: boolean }

/** How a share of the POSTs is answered; the others get a 200 at once. */
export type How = 'well' | 'error' | 'hang' | 'reset' | 'drip' | 'flood';

/** What the receiver's process is told; to behave so to some paths only, where they are named. */
export type Order = { kind: 'behave'; how: How; share: number; paths?: readonly string[] } | { kind: 'refuse' } | { kind: 'listen'; port: number };

/** What it tells. A POST is accepted once a 2xx has been written. */
export type Told =
  | { kind: 'post'; post: Post; accepted: boolean }
  | { kind: 'accepted'; number: number }
  | { kind: 'listening'; port: number }
  | { kind: 'refusing' };

export type Receiver = Awaited<ReturnType<typeof startReceiver>>;

/** The tenants' receiver in a process of its own. `onPost` hears of each POST, `onAccepted` of each that a 2xx has answered. */
export async function startReceiver(seed: string, { onPost, onAccepted }: { onPost: (post: Post) => void; onAccepted: (number: number) => void }) {
  let posts = 0;
  const child = fork(new URL('receiver-process.ts', import.meta.url), [seed], { stdio: 'inherit' });
  const exited = once(child, 'exit');
  child.on('message', (all: Told[]) => {
    for (const told of all) {
      if (told.kind === 'post') { posts += 1; onPost(told.post); }
      if (told.kind === 'post' && told.accepted) onAccepted(told.post.number);
      if (told.kind === 'accepted') onAccepted(told.number);
    }
  });
  const port = await heard(child, 'listening').then((told) => told.port);
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid!,
    /** POSTs that have come so far. */
    posts: () => posts,
    behave(how: How, share = 1, paths?: readonly string[]) { child.send({ kind: 'behave', how, share, ...(paths && { paths }) } satisfies Order); },
    /** Closes the port: connections are refused until `listen`. */
    async refuse() { child.send({ kind: 'refuse' } satisfies Order); await heard(child, 'refusing'); },
    async listen() { child.send({ kind: 'listen', port } satisfies Order); await heard(child, 'listening'); },
    async stop() { child.kill('SIGKILL'); await exited; },
  };
}

function heard<K extends Told['kind']>(child: ChildProcess, kind: K): Promise<Extract<Told, { kind: K }>> {
  return new Promise((resolve) => {
    const listener = (all: Told[]) => {
      const told = all.find((one) => one.kind === kind);
      if (told === undefined) return;
      child.off('message', listener);
      resolve(told as Extract<Told, { kind: K }>);
    };
    child.on('message', listener);
  });
}

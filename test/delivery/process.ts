import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { HarnessOptions } from './harness.js';

/** What the process is asked: to promise the first `count` notices of a flow, and to say how many leases it has lost once it is idle. */
export type Request = { kind: 'add'; url: string; flowId: string; count: number } | { kind: 'idle' };
export interface Answer { lostLeases: number }

const PROGRAM = new URL('process-main.ts', import.meta.url);
const LOADER = new URL('../support/load-typescript.mjs', import.meta.url);

/** The way out as a process of its own, which can be stopped and continued. */
export async function startProcess(databaseUrl: string, options: HarnessOptions) {
  const child = fork(PROGRAM, [databaseUrl, JSON.stringify(options)], { execArgv: ['--import', LOADER.href], stdio: 'inherit' });
  await once(child, 'message');
  const ask = async (request: Request): Promise<Answer> => {
    const answered = once(child, 'message');
    child.send(request);
    return (await answered)[0] as Answer;
  };
  return {
    /** Resolves when they are committed. */
    add: (url: string, flowId: string, count: number) => ask({ kind: 'add', url, flowId, count }),
    idle: () => ask({ kind: 'idle' }),
    signal: (signal: 'SIGSTOP' | 'SIGCONT') => { child.kill(signal); },
    async end() {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

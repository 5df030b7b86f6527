import { spawn } from 'node:child_process';
import { once } from 'node:events';

const PROGRAM = new URL('../../bin/hookswitch.js', import.meta.url).pathname;

export type RunningCommand = ReturnType<typeof startCommand>;

/** The built command line as a process of its own, with this environment and nothing else but PATH. */
export function startCommand(args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [PROGRAM, ...args], { env: { PATH: process.env['PATH'] ?? '', ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  const waiting: (() => void)[] = [];
  const wake = () => { for (const resolve of waiting.splice(0)) resolve(); };
  for (const name of ['stdout', 'stderr'] as const) child[name].setEncoding('utf8').on('data', (text: string) => { said[name] += text; wake(); });
  const exited = once(child, 'close').then(([code]) => code as number | null);
  let gone = false;
  void exited.then(() => { gone = true; wake(); });

  /** Resolves when what was said so far fits; throws where it ends before. */
  async function until(holds: (said: { stdout: string; stderr: string }) => boolean): Promise<void> {
    while (!holds(said)) {
      if (gone) throw new Error(`It ended before: ${said.stdout}${said.stderr}`);
      await new Promise<void>((resolve) => { waiting.push(resolve); });
    }
  }
  return {
    said, exited, until,
    /** Standard output as JSON, a line each; one that is not whole yet is left out. */
    lines: () => said.stdout.split('\n').slice(0, -1).map((text) => JSON.parse(text) as Record<string, unknown>),
    signal: (signal: NodeJS.Signals) => { child.kill(signal); },
    /** For the end of a test, however it went. */
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Runs to its end. */
export async function runCommand(args: readonly string[], env: Record<string, string> = {}): Promise<{ exit: number | null; stdout: string; stderr: string }> {
  const { exited, said } = startCommand(args, env);
  return { exit: await exited, ...said };
}

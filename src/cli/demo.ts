import type { Writable } from 'node:stream';
import type { Config } from '../config.js';
import type { DemoOutcome, Tone } from '../demo.js';
import { createLogger } from '../log.js';
import type { Answer } from './answer.js';
import { CommandError } from './failure.js';

/** How `hookswitch demo` was called. */
export interface DemoOptions { pace: 'real' | 'full' }

interface Surroundings { env: NodeJS.ProcessEnv; stdout: Writable & { isTTY?: boolean; hasColors?(): boolean }; stderr: Writable }

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const COLOURS: Readonly<Record<Tone, string>> = { plain: '', call: '\u001b[1m', ringing: '\u001b[33m', answered: '\u001b[32m', hangup: '\u001b[35m', cdr: '\u001b[36m', missed: '', recording: '' };
const PLAIN = '\u001b[0m';

/**
 * Runs the demo to its end: what it shows goes to standard output, its daemon's log to standard error. Of the environment
 * only HOOKSWITCH_LOG_LEVEL counts. @throws CommandError `failure` where a webhook is missing or wrong, or a signal ended it early.
 */
export async function runDemo({ pace }: DemoOptions, { env, stdout, stderr }: Surroundings): Promise<Answer> {
  const stopping = new AbortController();
  const onSignal = () => stopping.abort(); // kept to the end: npm passes on a Ctrl-C that we had from the terminal already
  for (const signal of SIGNALS) process.on(signal, onSignal);
  const coloured = stdout.isTTY === true && stdout.hasColors?.() !== false;
  const show = (line: string, tone: Tone) => { stdout.write(coloured && COLOURS[tone] !== '' ? `${COLOURS[tone]}${line}${PLAIN}\n` : `${line}\n`); };
  try {
    show(`A replayed switch, the daemon and two tenants' receivers, all on this machine${pace === 'real' ? '; it takes three quarters of a minute' : ''}.`, 'plain');
    const { playDemo } = await import('../demo.js'); // here and not above, so that the other commands start without the daemon
    const logger = ({ log }: Config) => createLogger({ ...log, stream: stderr });
    const outcome = await playDemo({ pace, logLevel: env['HOOKSWITCH_LOG_LEVEL'] }, { logger, show }, stopping.signal)
      .catch((error: unknown) => { if (!stopping.signal.aborted) throw error; return undefined; }); // a Ctrl-C reaches the programs that prepare Postgres, too
    if (outcome === undefined) throw new CommandError('failure', 'Stopped before its end.');
    if (!isRight(outcome)) throw new CommandError('failure', summary(outcome));
    return { json: { ...outcome }, text: summary(outcome) };
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}

function isRight({ missing, besides }: DemoOutcome): boolean {
  return missing.length === 0 && besides.length === 0;
}

function summary(outcome: DemoOutcome): string {
  const { calls, expected, right, missing, besides, medianMs } = outcome;
  const took = medianMs === undefined ? '' : ` Median from the event on the switch's socket to the tenant: ${medianMs.toFixed(1)} ms.`;
  if (isRight(outcome)) return `${calls} calls, ${right} webhooks, all as expected.${took}`;
  const faults = [...missing.map((name) => `  missing: ${name}`), ...besides.map((name) => `  not expected: ${name}`)];
  return [`${calls} calls; of ${expected} webhooks ${right} came as expected.${took}`, ...faults].join('\n');
}

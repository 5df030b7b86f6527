import { randomBytes, randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { aborted, type Clock } from '../clock.js';
import { codeOf } from '../db/pool.js';
import { takeApart } from '../esl/recorded-calls.js';
import { readRecording, type Recording } from '../esl/recording.js';
import { ReplayedSwitch } from '../esl/replay.js';
import { createSimulator, type SimulatorFigures } from '../esl/simulator.js';
import type { Answer } from './answer.js';
import { CommandError } from './failure.js';
import { numberOf } from './numeric.js';
import { seeded } from './seeded.js';
import { domainName } from './tenant.js';
import type { Output } from './terminal.js';

/** How `hookswitch simulate` was called. */
export interface SimulateOptions {
  listen: string; password: string; rate: string; speed: string;
  file?: string[]; builtin?: string[]; calls?: string; forever?: true; domain?: string[]; seed?: string;
}

export interface SimulateDeps { stdout: Output; json: boolean; clock: Clock }

/** Both src/cli/ and dist/cli/ lie two levels below the package. */
const BUILTIN = fileURLToPath(new URL('../../test/fixtures/calls/', import.meta.url));

/** What is played unless told otherwise: what a PBX does all day. */
const USUAL = ['01-outbound-caller-hangup', '03-outbound-busy', '06-inbound-ext-answered', '08-inbound-abandon', '09-ringgroup-simultaneous', '15-local-call'];

const FIGURES_MS = 1_000;

/**
 * Is a switch on a port, whose calls begin with the first listener, until the last of them is over or `stopping` aborts. A line a
 * second says how it goes. @throws CommandError `usage`; `failure` where a file is no recording, or the port is taken.
 */
export async function simulate(options: SimulateOptions, { stdout, json, clock }: SimulateDeps, stopping: AbortSignal): Promise<Answer> {
  const { host, port } = addressOf(options.listen);
  const rate = numberOf('--rate', options.rate, { least: 0.001, most: 1_000 });
  const speed = numberOf('--speed', options.speed, { least: 0.01, most: 1_000 });
  const count = options.calls === undefined ? Infinity : numberOf('--calls', options.calls, { least: 1, most: 1e9, whole: true });
  const domains = (options.domain ?? []).map(domainName);
  const seed = options.seed ?? randomBytes(6).toString('hex');
  const { calls, partial } = await callsOf(options);
  const tell = (figures: object, text: string) => { stdout.write(`${json ? JSON.stringify(figures) : text}\n`); };

  const pbx = new ReplayedSwitch({ clock, password: options.password, host, coreId: randomUUID() });
  await pbx.listen(port).catch((error: unknown) => { throw new CommandError('failure', `Cannot listen at ${options.listen}: ${codeOf(error)}`, { cause: error }); });
  try {
    const left = partial > 0 ? `; ${partial} that the recordings do not have from beginning to end are left out` : '';
    tell({ listening: { host, port: pbx.port }, recordings: calls.length, partial, seed }, `A switch at ${host}:${pbx.port} with ${calls.length} different calls${left}. Seed ${seed}. Waiting for a listener.`);
    const simulator = createSimulator({ pbx, clock, random: seeded(seed), newUuid: randomUUID }, { calls, domains, rate, count, speed });
    await Promise.race([pbx.subscriptions.wait(1), aborted(stopping)]);
    const over = new AbortController();
    const telling = tellFigures(() => tell(simulator.figures(), figuresText(simulator.figures())), clock, AbortSignal.any([stopping, over.signal]));
    await simulator.run(stopping).finally(() => over.abort());
    await telling;
    const figures = simulator.figures();
    return { json: { ...figures, seed }, text: `${figuresText(figures)}. ${figures.begun === count ? 'Done.' : 'Stopped.'}` };
  } finally {
    await pbx.close();
  }
}

async function tellFigures(tell: () => void, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(FIGURES_MS, signal);
    if (!signal.aborted) tell();
  }
}

function figuresText({ begun, ended, listeners, events }: SimulatorFigures): string {
  return `calls begun ${begun}, ended ${ended}, up ${begun - ended}; listeners ${listeners}; events ${events}`;
}

/** `host:port`, an IPv6 address in brackets. @throws CommandError `usage`. */
function addressOf(text: string): { host: string; port: number } {
  const [, bracketed, plain, port = ''] = /^(?:\[([\da-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535) throw new CommandError('usage', `--listen must be host:port such as 127.0.0.1:8021, not ${JSON.stringify(text)}`);
  return { host, port: Number(port) };
}

/** The whole calls of all recordings that were asked for. @throws CommandError `usage`, `failure`. */
async function callsOf({ file = [], builtin = [] }: SimulateOptions): Promise<{ calls: Recording[]; partial: number }> {
  const known = (await readdir(BUILTIN)).filter((name) => name.endsWith('.esl.gz')).map((name) => name.slice(0, -'.esl.gz'.length)).sort();
  const odd = builtin.find((name) => !known.includes(name));
  if (odd !== undefined) throw new CommandError('usage', `There is no recording ${JSON.stringify(odd)}; there are ${known.join(', ')}`);
  const names = file.length + builtin.length > 0 ? builtin : USUAL;
  const parts = await Promise.all([...file, ...names.map((name) => `${BUILTIN}${name}.esl.gz`)].map(readCalls));
  const calls = parts.flatMap((part) => part.calls);
  if (calls.length === 0) throw new CommandError('failure', 'No call to play: the recordings hold none from its first event (CHANNEL_CREATE) to its last (CHANNEL_DESTROY)');
  return { calls, partial: parts.reduce((sum, part) => sum + part.partial, 0) };
}

async function readCalls(path: string): Promise<{ calls: readonly Recording[]; partial: number }> {
  try {
    return takeApart(await readRecording(path));
  } catch (error) {
    throw new CommandError('failure', `${path} is no recording of a switch: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

import { randomInt } from 'node:crypto';
import { createWriteStream, type WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Clock } from '../clock.js';
import type { Config } from '../config.js';
import { codeOf } from '../db/pool.js';
import { editEvent } from '../esl/event-text.js';
import { checkedSubscription } from '../esl/link.js';
import { reasonOf, remedyFor } from '../esl/link-end.js';
import { NumberValues } from '../esl/number-values.js';
import { OtherNumbers } from '../esl/other-numbers.js';
import { record } from '../esl/record.js';
import { maskSecretValue } from '../esl/secret-values.js';
import type { Answer } from './answer.js';
import { CommandError } from './failure.js';
import { numberOf } from './numeric.js';
import type { Output } from './terminal.js';

/** How `hookswitch record` was called. */
export interface RecordOptions { switch?: string; out: string; seconds?: string; events: 'all' | 'wanted'; maskNumbers?: true }

export interface RecordDeps { config: Config; stderr: Output; clock: Clock }

const LONGEST_SECONDS = 604_800;

/**
 * Writes what a switch sends into a new file, until the time is over, `stopping` aborts, or the link ends. Secrets are masked,
 * always. @throws CommandError `usage`; `failure` where the switch does not let us in, the link broke, or the file cannot be written.
 */
export async function recordSwitch(options: RecordOptions, { config, stderr, clock }: RecordDeps, stopping: AbortSignal): Promise<Answer> {
  const to = switchOf(options.switch, config);
  const seconds = options.seconds === undefined ? undefined : numberOf('--seconds', options.seconds, { least: 1, most: LONGEST_SECONDS });
  const subscription = options.events === 'all' ? 'event json ALL' : checkedSubscription({ password: to.password, subclasses: config.esl.customSubclasses });
  const file = await openNew(options.out);
  const sink = options.out.endsWith('.gz') ? createGzip() : file;
  if (sink !== file) sink.pipe(file);
  const written = finished(file);
  written.catch(() => {}); // it is awaited at the end; until then the recording goes on being stopped

  const enough = new AbortController();
  file.once('error', () => enough.abort());
  let [events, bytes, malformed] = [0, 0, 0];
  const onUp = () => {
    stderr.write(`Recording ${to.name} into ${options.out}; ${seconds === undefined ? 'Ctrl-C ends it' : `it takes ${seconds} s`}.\n`);
    if (seconds !== undefined) void clock.sleep(seconds * 1_000, enough.signal).then(() => enough.abort());
  };
  const end = await record(
    { ...to, clock, loginMs: config.esl.loginTimeoutMs, maxFrameBytes: config.esl.maxFrameBytes, subscription, keep: keeper(options) },
    sink, { onUp, onEvent: (size) => { events += 1; bytes += size; }, onMalformed: () => { malformed += 1; } }, AbortSignal.any([stopping, enough.signal]),
  );
  enough.abort();
  sink.end();
  await written.catch((error: unknown) => { throw new CommandError('failure', `${options.out} cannot be written: ${codeOf(error)}`, { cause: error }); });
  const kept = `${events} events, ${bytes} bytes before compression, are in ${options.out}`;
  if (end.kind !== 'closed-by-us') throw new CommandError('failure', `The link to ${to.name} ended: ${reasonOf(end)}${remedyFor(end) === undefined ? '' : `; ${remedyFor(end)}`}. ${kept}.`);
  return { json: { events, bytes, malformed, file: options.out }, text: `${kept}.${malformed > 0 ? ` ${malformed} frames could not be understood and are left out.` : ''}` };
}

/** What is kept of an event: everything but secrets, and where asked, other numbers in the place of its own. */
function keeper({ maskNumbers }: RecordOptions): (body: Buffer) => Buffer {
  if (!maskNumbers) return (body) => editEvent(body, maskSecretValue);
  const numbers = new NumberValues(new OtherNumbers({ random: () => randomInt(2 ** 47) / 2 ** 47 }));
  return (body) => {
    numbers.learn(body);
    return editEvent(body, (name, value) => numbers.replace(name, maskSecretValue(name, value)));
  };
}

function switchOf(name: string | undefined, { switches }: Config): Config['switches'][number] {
  const found = name === undefined && switches.length === 1 ? switches[0] : switches.find((to) => to.name === name);
  if (found === undefined) throw new CommandError('usage', `--switch must name one of the configured switches: ${switches.map((to) => to.name).join(', ')}`);
  return found;
}

/** A recording tells who called whom: it is for its owner alone, and never takes another file's place. */
async function openNew(path: string): Promise<WriteStream> {
  const file = createWriteStream(path, { flags: 'wx', mode: 0o600 });
  await new Promise<void>((resolve, reject) => {
    file.once('open', () => resolve()).once('error', (error) => reject(new CommandError('usage', `--out ${path} cannot be made: ${codeOf(error)}`, { cause: error })));
  });
  return file;
}

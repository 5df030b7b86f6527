import { readFileSync } from 'node:fs';
import type { Clock } from '../clock.js';
import { setVariables, TOKEN_VARIABLE } from '../config/sources.js';
import { codeOf } from '../db/pool.js';
import { CommandError } from './failure.js';
import { ServerEventReader, type ServerEvent } from './server-events.js';
import { tailLine } from './tail-line.js';
import { painter, printable, type Output } from './terminal.js';

/** How `hookswitch tail` was called. */
export interface TailOptions { api?: string; tokenFile?: string; domain?: string; number?: string; call?: string; kind?: string }

export interface TailDeps {
  env: NodeJS.ProcessEnv;
  stdout: Output;
  stderr: Output;
  /** One JSON object a line instead of text. */
  json: boolean;
  /** Where the API is unless `--api` says so. */
  api: () => string;
  clock: Clock;
  random: () => number;
}

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 10_000;

/** The daemon sends a sign of life every 15 s. */
const SILENCE_MS = 45_000;

/**
 * Shows what the daemon tells on its live stream until `stopping`. It listens again whenever the stream ends, and says so; what
 * happens meanwhile is not shown. @throws CommandError `usage`, and `failure` where the daemon refuses us.
 */
export async function tail(options: TailOptions, deps: TailDeps, stopping: AbortSignal): Promise<void> {
  const url = streamUrl(options, deps.api);
  const token = tokenOf(options, deps.env);
  const paint = painter(deps.stdout, deps.env);
  const show = ({ event, data }: ServerEvent) => {
    const record = JSON.parse(data) as Record<string, unknown>;
    deps.stdout.write(`${deps.json ? JSON.stringify({ kind: event, ...record }) : tailLine(event, record, paint)}\n`);
  };
  const say = (text: string) => { deps.stderr.write(`${text}\n`); };
  let said = '';
  for (let failures = 0; !stopping.aborted;) {
    const end = await listen(url, token, { show, onOpen: () => { failures = 0; said = ''; say(`Listening to ${url.origin}; Ctrl-C ends it.`); } }, deps.clock, stopping);
    if (stopping.aborted) return;
    failures += 1;
    if (end !== said) say(`${url.origin}: ${end}; trying again.`);
    said = end;
    await deps.clock.sleep(Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LONGEST_RETRY_MS) * (0.5 + deps.random()), stopping);
  }
}

/** The address to ask, with the filters that the daemon applies. @throws CommandError `usage`. */
export function streamUrl({ api, domain, number, call, kind }: TailOptions, fallback: () => string): URL {
  const base = api ?? fallback();
  if (!/^https?:\/\//i.test(base) || !URL.canParse(base)) throw new CommandError('usage', `--api must be an http or https URL such as http://127.0.0.1:8080, not ${JSON.stringify(base)}`);
  const url = new URL(`${base.replace(/\/+$/, '')}/v1/stream`);
  for (const [name, value] of Object.entries({ kind, domain, number, call })) if (value !== undefined) url.searchParams.set(name, value);
  return url;
}

/** From a file or the environment, never from the command line, which everybody on the machine can read. @throws CommandError `usage`. */
export function tokenOf({ tokenFile }: Pick<TailOptions, 'tokenFile'>, env: NodeJS.ProcessEnv): string {
  const token = (tokenFile === undefined ? setVariables(env)[TOKEN_VARIABLE] ?? '' : readTokenFile(tokenFile)).trim();
  if (token === '') throw new CommandError('usage', `No token: set ${TOKEN_VARIABLE} or give --token-file. To make one: hookswitch token create --admin`);
  if (!/^[\x21-\x7e]+$/.test(token)) throw new CommandError('usage', 'The token must be one word');
  return token;
}

function readTokenFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CommandError('usage', `--token-file ${path} cannot be read: ${codeOf(error)}`);
  }
}

interface Heard { show: (event: ServerEvent) => void; onOpen: () => void }

/** Listens until the stream ends, and returns why. */
async function listen(url: URL, token: string, { show, onOpen }: Heard, clock: Clock, stopping: AbortSignal): Promise<string> {
  const silent = new AbortController();
  let heardAtMs = clock.monotonicMs();
  const over = new AbortController();
  void (async () => {
    for (let leftMs = SILENCE_MS; leftMs > 0 && !over.signal.aborted; leftMs = heardAtMs + SILENCE_MS - clock.monotonicMs()) await clock.sleep(leftMs, over.signal);
    if (!over.signal.aborted) silent.abort();
  })();
  try {
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' }, redirect: 'error', signal: AbortSignal.any([stopping, silent.signal]) });
    const refusal = await refusalOf(response);
    if (refusal !== undefined) return refusal;
    onOpen();
    const reader = new ServerEventReader();
    const decoder = new TextDecoder();
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      heardAtMs = clock.monotonicMs();
      for (const event of reader.push(decoder.decode(chunk, { stream: true }))) show(event);
    }
    return 'the stream has ended';
  } catch (error) {
    if (error instanceof CommandError || error instanceof SyntaxError) throw error;
    return silent.signal.aborted ? 'nothing is heard any more' : `cannot be reached (${codeOf(error)})`;
  } finally {
    over.abort();
  }
}

/** Why there is no stream for now (429, 5xx); undefined where there is one. A refusal that asking again cannot mend ends the command. */
async function refusalOf(response: Response): Promise<string | undefined> {
  if (response.ok && response.headers.get('content-type')?.startsWith('text/event-stream')) return undefined;
  const problem = await response.json().catch(() => null) as { detail?: unknown } | null;
  const detail = typeof problem?.detail === 'string' ? printable(problem.detail) : '';
  const { status } = response;
  if (status === 429 || status >= 500) return `status ${status}${detail && `: ${detail}`}`;
  if (status === 401) throw new CommandError('failure', 'The daemon does not know this token (401); `hookswitch token list` shows those there are.');
  throw new CommandError('failure', `${response.url.split('?', 1)[0]} is no live stream of a daemon: status ${status}. ${detail}`.trim());
}

import type { SwitchEvent } from '../calls/event.js';
import { openCommands, type Answer, type CommandsOptions } from './command.js';
import { readEvent } from './switch-event.js';

export interface SurveyOptions extends CommandsOptions {
  /** The configured name of the switch, as it stands in its dumps. */
  switchName: string;
  /** At most so many dumps a second; 500 by default. */
  perSecond?: number;
  /** For each question; 5 s by default. */
  deadlineMs?: number;
}

/**
 * Why a question has no answer. `refused`: the switch said -ERR or -USAGE; `unreadable`: its answer was something else than was
 * asked for; `lost`: the connection could not be opened, did not answer in time or is over, so that the next question is lost too.
 */
export type Unanswered = { kind: 'refused' | 'unreadable' | 'lost'; reason: string };

/** A row of `show channels as json`, by column; no column is sure to be there but `uuid`. */
export type ShownChannel = Readonly<Record<string, string>> & { readonly uuid: string };

/** Asks a switch what is up. Several questions may be open, and are answered in their order; nothing that the switch or the network can do makes it reject or throw. */
export interface Survey {
  /** Its Core-UUID, another with each start. */
  coreId(): Promise<{ kind: 'core'; coreId: string } | Unanswered>;
  channels(): Promise<{ kind: 'channels'; rows: ShownChannel[] } | Unanswered>;
  /** All headers and variables of one channel, as an event named CHANNEL_DATA; `gone` where it is no longer up. */
  dump(uuid: string): Promise<{ kind: 'channel'; event: SwitchEvent } | { kind: 'gone' } | Unanswered>;
  /** Resolves when the connection is closed; what is still asked is lost. May be called twice. */
  close(): Promise<void>;
}

const DEADLINE_MS = 5_000;
const DUMPS_PER_SECOND = 500;

// 5,000 channels are about 5 MB of rows, and a channel may carry long names.
const MAX_ANSWER_BYTES = 64 * 1_024 * 1_024;

// The switch gives no code with it (uuid_dump_function in mod_commands.c).
const NO_SUCH_CHANNEL = '-ERR No such channel!';

/** Opens a connection of its own, since the switch sends no events on one that is waiting for an answer. It connects by itself, once. */
export function openSurvey(options: SurveyOptions): Survey {
  const { clock, switchName, perSecond = DUMPS_PER_SECOND, deadlineMs = DEADLINE_MS } = options;
  const commands = openCommands({ loginMs: deadlineMs, maxFrameBytes: MAX_ANSWER_BYTES, ...options });
  const paced = pace(clock, 1_000 / perSecond);
  const closing = new AbortController();
  return {
    async coreId() {
      const answer = await commands.api('global_getvar core_uuid', deadlineMs);
      if (answer.kind !== 'ok') return answer;
      const coreId = answer.text.trim();
      return /^[\w-]+$/.test(coreId) ? { kind: 'core', coreId } : unreadable('the Core-UUID is not one word');
    },

    async channels() {
      const answer = await commands.api('show channels as json', deadlineMs);
      return answer.kind === 'ok' ? readChannels(answer.text) : answer;
    },

    async dump(uuid) {
      if (!/^\S+$/.test(uuid)) return unreadable('a channel whose uuid is not one word'); // more words would be another command
      await paced(closing.signal);
      const answer = await commands.api(`uuid_dump ${uuid} json`, deadlineMs);
      return judgeDump(answer, switchName, clock.monotonicMs());
    },

    async close() {
      closing.abort();
      await commands.close();
    },
  };
}

/** Resolves at most once in `everyMs`, in the order of the calls. */
function pace(clock: CommandsOptions['clock'], everyMs: number): (signal: AbortSignal) => Promise<void> {
  let nextMs = -Infinity;
  return async (signal) => {
    const dueMs = Math.max(nextMs, clock.monotonicMs());
    nextMs = dueMs + everyMs;
    const waitMs = dueMs - clock.monotonicMs();
    if (waitMs > 0) await clock.sleep(waitMs, signal);
  };
}

function readChannels(text: string): Awaited<ReturnType<Survey['channels']>> {
  const answer = parse(text) as { row_count?: unknown; rows?: unknown } | undefined;
  if (typeof answer?.row_count !== 'number') return unreadable('no list of channels');
  const rows: unknown = answer.rows ?? []; // without channels there are no rows, not an empty list
  if (!Array.isArray(rows) || rows.length !== answer.row_count) return unreadable('a list of channels that is not whole');
  const shown = rows.map(textsOf);
  return shown.every(isNamed) ? { kind: 'channels', rows: shown } : unreadable('a channel without a uuid');
}

function judgeDump(answer: Answer, switchName: string, receivedAtMs: number): Awaited<ReturnType<Survey['dump']>> {
  if (answer.kind === 'refused' && answer.reason === NO_SUCH_CHANNEL) return { kind: 'gone' };
  if (answer.kind !== 'ok') return answer;
  const read = readEvent(answer.text, switchName, receivedAtMs);
  return read.kind === 'event' && read.event.name === 'CHANNEL_DATA' ? { kind: 'channel', event: read.event } : unreadable('no dump of a channel');
}

function textsOf(row: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(row ?? {}).filter((column): column is [string, string] => typeof column[1] === 'string'));
}

function isNamed(row: Record<string, string>): row is ShownChannel { return Boolean(row['uuid']); }

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unreadable(reason: string): Unanswered { return { kind: 'unreadable', reason }; }


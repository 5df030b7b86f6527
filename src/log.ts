import type { Writable } from 'node:stream';
import { inspect } from 'node:util';
import winston from 'winston';
import { MASK, maskFields, maskUrls, namesSecret } from './secrets.js';

/** Fields of one log line: ids, counts, durations in ms, error codes. Never a token, a key, a password or a body. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** One line per unit of work: a short message that names it, and fields. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to every line. */
  child(fields: LogFields): Logger;
}

/** How much a line matters, the least first. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogOptions {
  /** The least weight that is written. */
  readonly level: LogLevel;
  /** `json`: an object a line, fields flat; `text`: to read; `auto`: text on a terminal, json elsewhere. */
  readonly format: 'auto' | 'json' | 'text';
  /** Standard output, unless told. */
  readonly stream?: Writable & { isTTY?: boolean; hasColors?(): boolean };
  readonly now?: () => Date;
}

type Entry = Record<string, unknown> & { level: string; message: string; timestamp: string };

const LEVELS = { error: 0, warn: 1, info: 2, debug: 3 };
const COLOURS: Record<string, string> = { error: '\u001b[31m', warn: '\u001b[33m', info: '\u001b[36m', debug: '\u001b[90m' };
const PLAIN = '\u001b[39m';
const LONGEST_TEXT = 4_000;
/** What a terminal obeys instead of showing; JSON leaves some of it as it is. */
const UNSEEN = /[\p{Cc}\p{Cf}]+/gu;

/**
 * The daemon's log. It never throws, whatever a field holds, and outlives a reader that goes away: the lines are lost then, not the calls.
 * What looks like a secret by its name is masked, and so are passwords in URLs.
 */
export function createLogger({ level, format, stream = process.stdout, now = () => new Date() }: LogOptions): Logger {
  const asText = format === 'text' || (format === 'auto' && stream.isTTY === true);
  const coloured = stream.isTTY === true && stream.hasColors?.() !== false;
  const logger = winston.createLogger({
    level,
    levels: LEVELS,
    format: winston.format.printf((entry) => (asText ? textLine(entry as Entry, coloured) : JSON.stringify(entry))),
    transports: new winston.transports.Stream({ stream, eol: '\n' }),
  });
  let hasReader = true;
  stream.on('error', () => { hasReader = false; }); // EPIPE: whoever read the log has gone

  const bind = (bound: LogFields): Logger => {
    const write = (weight: LogLevel) => (message: string, fields: LogFields = {}): void => {
      if (!hasReader || LEVELS[weight] > LEVELS[level]) return;
      // One object, made by us: given message and fields apart, winston glues a field named "message" to the message.
      logger.log({ timestamp: now().toISOString(), level: weight, message: plainText(message), ...flat({ ...bound, ...fields }) } as Entry);
    };
    return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error'), child: (more) => bind({ ...bound, ...more }) };
  };
  return bind({});
}

/** The fields as a line may carry them: flat, masked, and none in the place of the line's own. */
function flat(fields: LogFields): Record<string, string | number | boolean> {
  const line: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const own = name === 'timestamp' || name === 'level' || name === 'message';
    line[own ? `field_${name}` : name] = namesSecret(name) && value !== '' ? MASK : plain(value);
  }
  return line;
}

/** Any value as JSON can carry it. The type lets less through, but an error caught somewhere is of any type. */
function plain(value: unknown): string | number | boolean {
  if (typeof value === 'string') return plainText(value);
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return value;
  try {
    if (value instanceof Error) return plainText(causes(value));
    if (value instanceof Date) return value.toISOString();
    if (typeof value === 'bigint') return value.toString();
    return plainText(typeof value === 'object' ? JSON.stringify(maskFields(value)) : inspect(value));
  } catch {
    return '[unreadable]'; // circular, a date that is none, a getter or a toString that throws
  }
}

function plainText(text: string): string {
  const masked = maskUrls(text.slice(0, 2 * LONGEST_TEXT)); // masked before it is cut, or half a password would no longer look like one
  return masked.length > LONGEST_TEXT ? `${masked.slice(0, LONGEST_TEXT)}…` : masked;
}

/** The error and what caused it, outermost first; a chain that bites its own tail is cut. */
function causes(error: Error): string {
  const chain: string[] = [];
  for (let next: unknown = error; next !== undefined && chain.length < 5; next = next instanceof Error ? next.cause : undefined) {
    chain.push(next instanceof Error ? String(next) : inspect(next));
  }
  return chain.join(' < ');
}

/** A value that could be taken for two, or that would break the line, is quoted: nobody can write a line of the log but us. */
function textLine({ timestamp, level, message, ...fields }: Entry, coloured: boolean): string {
  const quoted = (value: unknown) => (/^[\p{L}\p{N}\p{P}\p{S}]+$/u.test(String(value)) && !/["=]/.test(String(value)) ? String(value) : JSON.stringify(value).replace(UNSEEN, '?'));
  const pairs = Object.entries(fields).map(([name, value]) => `${name}=${quoted(value)}`);
  const label = level.toUpperCase().padEnd(5);
  const shown = message.replace(UNSEEN, ' ');
  return [timestamp, coloured ? `${COLOURS[level]}${label}${PLAIN}` : label, pairs.length > 0 ? shown.padEnd(36) : shown, ...pairs].join(' ');
}

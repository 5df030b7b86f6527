import { isIP } from 'node:net';
import { keyIdOf, keyOf } from '../seal.js';
import { parseJson } from './json.js';

/** How the text of an environment variable becomes a value; text in a file is read alike. */
export type Form = 'text' | 'number' | 'list' | 'numbers' | 'json';

/** What the value of a key may be. */
export interface Kind<T> {
  readonly form: Form;
  /** Says what is right, to follow "must be". */
  readonly right: string;
  /** What is wrong with a value; undefined where nothing is. It never quotes the value, which may be a secret. */
  readonly wrong: (value: unknown) => string | undefined;
  /** Exists for the compiler alone: the type of a value that is right. */
  readonly type?: T;
}

/** One switch to listen to. */
export interface SwitchConfig { name: string; host: string; port: number; password: string }

/** "A leg whose `variable` has this `value` belongs to this `application`." */
export interface ApplicationRule { variable: string; value: string; application: string }

/** Beyond this a timer of Node fires at once instead of late (about 24.8 days). */
const LONGEST_TIMER_MS = 2_147_483_647;

/** A kind by how it is read, what is right in words, and whether a value is. */
export function kind<T>(form: Form, right: string, holds: (value: unknown) => boolean): Kind<T> {
  return { form, right, wrong: (value) => (holds(value) ? undefined : `must be ${right}`) };
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isWord = (value: unknown): value is string => isText(value) && /^\S+$/.test(value);
const isWhole = (value: unknown, least: number, most: number): value is number => Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
const isPort = (value: unknown): value is number => isWhole(value, 1, 65_535);

/** A text without white space, not empty. */
export const word: Kind<string> = kind('text', 'a text without white space', isWord);

/** A text, not empty. */
export const filled: Kind<string> = kind('text', 'a text that is not empty', (value) => isText(value) && value !== '');

/** Any text, also an empty one. */
export const text: Kind<string> = kind('text', 'a text', isText);

/** Empty, or a text without white space. */
export const wordOrNone: Kind<string> = kind('text', 'a text without white space, or empty', (value) => value === '' || isWord(value));

/** Any text, empty or not. */
export const anyText: Kind<string> = kind('text', 'a text', isText);

/** A list of texts without white space; it may be empty. */
export const words: Kind<string[]> = kind('list', 'a list of texts without white space', (value) => Array.isArray(value) && value.every(isWord));

/** A TCP port; 0, where allowed, means any free one. */
export const port: Kind<number> = kind('number', 'a port, from 1 to 65535', isPort);
export const portOrAny: Kind<number> = kind('number', 'a port, from 1 to 65535, or 0 for any free one', (value) => value === 0 || isPort(value));

/** A whole number within bounds, the unit named for the operator. */
export function whole(least: number, most: number, unit = ''): Kind<number> {
  return kind('number', `a whole number${unit && ` of ${unit}`} from ${least} to ${most}`, (value) => isWhole(value, least, most));
}

/** A span of time in milliseconds, as long as a timer can be. */
export const milliseconds = (least = 1): Kind<number> => whole(least, LONGEST_TIMER_MS, 'milliseconds');

/** Waits in milliseconds, one for each retry. */
export const waits: Kind<number[]> = kind('numbers', 'a list of waits in milliseconds, at least one, each from 1',
  (value) => Array.isArray(value) && value.length > 0 && value.every((wait) => isWhole(wait, 1, LONGEST_TIMER_MS)));

/** A share between 0 and 1, less than 1. */
export const share: Kind<number> = kind('number', 'a number from 0, below 1', (value) => typeof value === 'number' && value >= 0 && value < 1);

/** One of a few words. */
export function oneOf<const W extends string>(...choices: W[]): Kind<W> {
  return kind('text', `one of ${choices.join(', ')}`, (value) => (choices as unknown[]).includes(value));
}

/** A zone of the IANA database; a mere offset such as +02:00 knows no summer time and is refused. */
export const timeZone: Kind<string> = kind('text', 'a time zone of the IANA database, for example Europe/Berlin', (value) => {
  if (!isText(value) || !/^[A-Za-z]/.test(value)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
});

/** Where Postgres is; '' for the embedded one. */
export const databaseUrl: Kind<string> = kind('text', 'postgres://user:password@host:port/database, or empty for the embedded Postgres', isPostgresOrNone);

/** Where the Postgres of FusionPBX is; '' for none. */
export const fusionpbxUrl: Kind<string> = kind('text', 'postgres://user:password@host:port/database, or empty for no FusionPBX', isPostgresOrNone);

function isPostgresOrNone(value: unknown): boolean {
  return value === '' || (isText(value) && /^postgres(ql)?:\/\//.test(value) && URL.canParse(value));
}

/** Yes or no. */
export const yesOrNo: Kind<boolean> = kind('json', 'true or false', (value) => typeof value === 'boolean');

/** A secret that signs with HMAC; RFC 7518, 3.2 asks for as many bytes as the hash has. '' for none. */
export const signingSecret: Kind<string> = kind('text', 'a text of 32 bytes or more, or empty', (value) => value === '' || (isText(value) && Buffer.byteLength(value) >= 32));

/** Where public keys are fetched. Whoever can change them on the way can sign as anybody, hence https. '' for nowhere. */
export const keysUrl: Kind<string> = kind('text', 'an https URL (http for 127.0.0.1, ::1 and localhost), or empty', (value) => {
  if (value === '') return true;
  if (!isText(value) || /\s/.test(value) || !URL.canParse(value)) return false;
  const { protocol, hostname } = new URL(value);
  return protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname));
});

/** Where the operator is told; '' for nowhere. */
export const webhookUrl: Kind<string> = kind('text', 'an http or https URL, or empty', (value) => value === '' || (isText(value) && /^https?:\/\/\S+$/.test(value) && URL.canParse(value)));

/** What a webhook is signed with; '' for no signature. */
export const webhookSecret: Kind<string> = kind('text', 'whsec_ and 24 to 64 bytes in base64, or empty', (value) => {
  if (value === '') return true;
  const bytes = isText(value) && /^whsec_[A-Za-z0-9+/]+={0,2}$/.test(value) ? Buffer.from(value.slice('whsec_'.length), 'base64').length : 0;
  return bytes >= 24 && bytes <= 64;
});

/** Keys to seal with; none twice, for by its id a key must be one of them. */
export const encryptionKeys: Kind<string[]> = kind('list', 'a list of keys, each 32 bytes as base64 or as 64 hex digits, none of them twice', (value) => {
  if (!Array.isArray(value)) return false;
  const keys = value.map((key: unknown) => (isText(key) ? keyOf(key) : undefined));
  return keys.every((key) => key !== undefined) && new Set(keys.map(keyIdOf)).size === keys.length;
});

/** Where the end of a call is told: CHANNEL_HANGUP_COMPLETE, or a CUSTOM event of that subclass. */
export const cdrSource: Kind<'hangup_complete' | `custom:${string}`> = kind('text', 'hangup_complete, or custom: and the subclass of an event',
  (value) => value === 'hangup_complete' || (isText(value) && /^custom:\S+$/.test(value)));

/** The public URL of a recording. */
export const recordingUrl: Kind<string> = kind('text', 'an http or https URL with no placeholders but {domain}, {call_id} and {file}, or empty', (value) => {
  if (!isText(value) || /\s/.test(value)) return false;
  const filledIn = value.replace(/\{(domain|call_id|file)\}/g, 'x');
  return value === '' || (/^https?:\/\/[^{}]+$/.test(filledIn) && URL.canParse(filledIn));
});

/** A folder by its absolute path, other than the root; '' for none. */
export const folderOrNone: Kind<string> = kind('text', 'the absolute path of a folder, or empty',
  (value) => value === '' || (isText(value) && /^\/+[^/\0]/.test(value) && !value.includes('\0') && !value.split('/').some((part) => part === '..' || part === '.')));

/** The beginning of public URLs; '' for none. */
export const baseUrlOrNone: Kind<string> = kind('text', 'an http or https URL without a user name, query or fragment, or empty', (value) => {
  if (value === '') return true;
  if (!isText(value) || !/^https?:\/\/[^\s?#]+$/.test(value) || !URL.canParse(value)) return false;
  const { username, password } = new URL(value);
  return username === '' && password === '';
});

/** What signs; '' for one of our own making. */
export const keyOrNone: Kind<string> = kind('text', 'a text of 32 characters or more without white space, or empty', (value) => value === '' || (isWord(value) && value.length >= 32));

/** As many variables as a payload may carry. */
export const variableNames: Kind<string[]> = kind('list', 'a list of at most 32 texts without white space', (value) => words.wrong(value) === undefined && (value as string[]).length <= 32);

/** Addresses and networks that webhooks may go to although they are not public. */
export const networks: Kind<string[]> = kind('list', 'a list of IP addresses and networks, for example 10.0.0.0/8 or ::1', (value) => Array.isArray(value) && value.every(isNetwork));

function isNetwork(value: unknown): boolean {
  if (!isText(value)) return false;
  const [address = '', prefix, ...rest] = value.split('/');
  const version = isIP(address);
  return version !== 0 && rest.length === 0 && (prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128)));
}

// The headers that make the request what it is; a key there would break every webhook.
const TAKEN = /^(host|connection|content-.*|transfer-encoding|user-agent|traceparent|tracestate|webhook-.*|x-hookswitch-.*)$/i;

/** Name of a header (RFC 9110, 5.1) that is not one of the webhook's own. */
export const headerName: Kind<string> = kind('text', "a header's name that the webhook does not use itself",
  (value) => isText(value) && /^[\w!#$%&'*+.^`|~-]+$/.test(value) && !TAKEN.test(value));

/** The word before a key, such as Bearer; '' sends the key alone. */
export const headerScheme: Kind<string> = kind('text', 'one word such as Bearer, or empty', (value) => value === '' || (isText(value) && /^[\w!#$%&'*+.^`|~-]+$/.test(value)));

/** The switches; an entry says its four fields and no others. */
export const switches: Kind<SwitchConfig[]> = records({ name: word, host: word, port, password: filled });

/** Rules that name a call's application, in order. */
export const applications: Kind<ApplicationRule[]> = records({ variable: word, value: filled, application: filled });

/** A list of objects with exactly these fields. All that is wrong with it is said at once, by the entry's number from 1. */
function records<T extends object>(fields: { [F in keyof T]: Kind<T[F]> }): Kind<T[]> {
  const names = Object.keys(fields) as (keyof T & string)[];
  const right = `a JSON list of {${names.map((name) => `"${name}"`).join(', ')}}`;
  return {
    form: 'json',
    right,
    wrong(value) {
      if (isText(value)) {
        const parsed = parseJson(value);
        return `must be ${right}${parsed.kind === 'malformed' ? `; line ${parsed.line}, column ${parsed.column}: ${parsed.problem}` : ''}`;
      }
      if (!Array.isArray(value)) return `must be ${right}`;
      const problems = value.flatMap((entry: unknown, index) => wrongFields(entry, names, fields).map((problem) => `entry ${index + 1}: ${problem}`));
      return problems.length > 0 ? problems.join('; ') : undefined;
    },
  };
}

function wrongFields<T extends object>(entry: unknown, names: (keyof T & string)[], fields: { [F in keyof T]: Kind<T[F]> }): string[] {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return [`must be an object with ${names.join(', ')}`];
  const given = entry as Record<string, unknown>;
  const wrong = names.flatMap((name) => {
    const problem = fields[name].wrong(given[name]);
    return problem === undefined ? [] : [`${name} ${problem}`];
  });
  const unknown = Object.keys(given).filter((name) => !(names as string[]).includes(name));
  return [...wrong, ...unknown.map((name) => `${name} is not known`)];
}

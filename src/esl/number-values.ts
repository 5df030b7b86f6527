import { eachValue } from './event-text.js';
import type { OtherNumbers } from './other-numbers.js';

// Headers whose digits are no one's number: ids, times, counts, media, addresses.
const TECHNICAL = new RegExp(
  '^(?:Event-|Core-UUID|FreeSWITCH-|Content-Length|Channel-(?:State|Read|Write)|rtp_|Task-|Session-|Max-Sessions|Heartbeat|Idle-|Up-?time)'
  + '|(?:uuid|Unique-ID|[-_]Time|stamp|epoch|sec|seconds|duration|[-_]ms|port|rate|codec|codec_string|codec_name|bytes|count|session_id|cseq|tag'
  + '|samples|size|index|accum|q850|status|domain|domain_name|host|realm|context|ssrc|addr|[-_]ip|forwards|timeout|payload|[-_]pt)$', 'i',
);

// Headers whose value is a number where it consists of digits.
const NUMBER_HEADER = /number|ani|dnis|user|exten|dialed|destination|caller|callee|cid|agent|alias|digits|name|transfer|asserted|diversion/i;

const UUID = '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}';
const ADDRESS = '(?<![\\d.])\\d{1,3}(?:\\.\\d{1,3}){3}(?::\\d{1,5})?(?![\\d.])';
const DATE = '(?<!\\d)\\d{4}-\\d\\d-\\d\\d(?:[ T]\\d\\d:\\d\\d:\\d\\d)?(?!\\d)';
const ESCAPE = '%[0-9A-Fa-f]{2}';
const DIGITS = '(?:(?<=%[0-9A-Fa-f]{2})|(?<![A-Za-z0-9@]))(\\d{3,})(?![A-Za-z0-9])|(\\d{9,})';
const TOKEN = new RegExp(`${UUID}|${ADDRESS}|${DATE}|${ESCAPE}|${DIGITS}`, 'g');
const SOME_DIGITS = /\d{3}/;
const WHOLE = /^\+?(\d{3,})$/;
const URI_USER = /(?:^|[:/<\s,]|%3A|%2F)\+?(\d{3,})(?:@|%40)/gi;

/** Callers may name SIP headers as they like. */
const MAX_HEADERS = 10_000;

/** As many digits are a number wherever they stand; fewer, only where they have been seen as one. */
const CERTAIN_DIGITS = 7;

/**
 * Puts other numbers in the place of those in events: in headers, URIs, names of channels, lists and bodies, always the same for the
 * same. An extension is known by a header or a URI that it fills; what stands in technical headers stays as it is.
 */
export class NumberValues {
  readonly #others: OtherNumbers;
  readonly #known = new Set<string>();
  /** Headers by name: there are a few hundred, each in every event. */
  readonly #technical = new Map<string, boolean>();

  constructor(others: OtherNumbers) { this.#others = others; }

  /** Learns which digits of this event are numbers; to be called before its values are replaced. */
  learn(body: Buffer): void {
    eachValue(body, (header, value) => {
      if (!SOME_DIGITS.test(value) || this.#isTechnical(header)) return;
      const whole = NUMBER_HEADER.test(header) ? WHOLE.exec(value)?.[1] : undefined;
      if (whole !== undefined) this.#known.add(whole);
      for (const [, digits] of value.matchAll(URI_USER)) this.#known.add(digits!);
    });
  }

  replace(header: string, value: string): string {
    if (!SOME_DIGITS.test(value) || this.#isTechnical(header)) return value;
    return value.replace(TOKEN, (all: string, bounded: string | undefined, long: string | undefined) => {
      const digits = bounded ?? long;
      return digits !== undefined && (digits.length >= CERTAIN_DIGITS || this.#known.has(digits)) ? this.#others.of(digits) : all;
    });
  }

  #isTechnical(header: string): boolean {
    let technical = this.#technical.get(header);
    if (technical !== undefined) return technical;
    technical = TECHNICAL.test(header.replace(/^variable_/, ''));
    if (this.#technical.size < MAX_HEADERS) this.#technical.set(header, technical);
    return technical;
  }
}

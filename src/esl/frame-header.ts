import type { Malformed } from './malformed.js';

/** The header block of one frame; names as the switch spells them, values undecoded, since the switch does not encode them. */
export interface FrameHeader {
  readonly contentType: string;
  /** Bytes of the body that follows; 0 where the frame has none. */
  readonly contentLength: number;
  /** Of a command/reply; '' elsewhere. */
  readonly replyText: string;
}

export interface ParsedHeader {
  /** Absent where the block holds no header at all. */
  header?: FrameHeader;
  malformed: Malformed[];
}

const TYPE = 'Content-Type: ';

// The switch writes the length first for events and the type first for everything else (mod_event_socket.c).
const LENGTH_LINE_BEFORE = /Content-Length: [^\n:]*\n$/;
const LONGEST_LENGTH_LINE = 64;

/**
 * Reads a header block (without its closing blank line). What stands before the last header that begins in it is what a torn
 * frame left behind: it counts as garbage, and the header is read all the same.
 */
export function parseHeader(block: string): ParsedHeader {
  const typeAt = block.lastIndexOf(TYPE);
  if (typeAt < 0) return { malformed: ['garbage'] };

  const lengthLine = LENGTH_LINE_BEFORE.exec(block.slice(Math.max(0, typeAt - LONGEST_LENGTH_LINE), typeAt));
  const startsAt = typeAt - (lengthLine?.[0].length ?? 0);
  const malformed: Malformed[] = startsAt > 0 ? ['garbage'] : [];

  const fields = new Map<string, string>();
  for (const line of block.slice(startsAt).split('\n')) {
    const colon = line.indexOf(':');
    if (colon < 1 || !decodes(line)) malformed.push('bad-header');
    if (colon >= 1) fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }

  const length = fields.get('Content-Length') ?? '0';
  const contentLength = /^\d{1,15}$/.test(length) ? Number(length) : 0;
  if (contentLength === 0 && length !== '0') malformed.push('bad-header');
  return {
    header: { contentType: fields.get('Content-Type') ?? '', contentLength, replyText: fields.get('Reply-Text') ?? '' },
    malformed,
  };
}

const KNOWN_START = new RegExp(
  '(?:Content-Length: \\d+\\nContent-Type: text/event-(?:json|plain|xml)'
  + '|Content-Type: (?:text/disconnect-notice|text/rude-rejection|command/reply|api/response|auth/request|log/data))$',
);
const LONGEST_KNOWN_START = 100;

/** Bytes to keep of what is thrown away, so that a header whose first half is in them is still recognized. */
export const HEADER_REACH = 256;

/**
 * Where in `bytes` the header of another frame begins, looking only at lines that end in [from, to); -1 for nowhere.
 *
 * Nothing that a caller can put into an event looks like one: the switch escapes line feeds in JSON and encodes them in plain
 * text, and every pattern here spans one.
 */
export function findInnerHeader(bytes: Buffer, bodyStart: number, from: number, to: number): number {
  const upTo = bytes.subarray(0, to);
  for (let at = upTo.indexOf(LINE_FEED, from); at >= 0; at = upTo.indexOf(LINE_FEED, at + 1)) {
    if (!isLowerCase(bytes[at - 1])) continue; // every known type ends in a letter: a flood of empty lines stays cheap
    const reach = Math.max(bodyStart, at - LONGEST_KNOWN_START);
    const found = KNOWN_START.exec(bytes.toString('latin1', reach, at));
    if (found) return reach + found.index;
  }
  return -1;
}

const LINE_FEED = 0x0a;

function isLowerCase(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x61 && byte <= 0x7a;
}

function decodes(text: string): boolean {
  if (!text.includes('%')) return true;
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

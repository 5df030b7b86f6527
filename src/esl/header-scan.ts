const [QUOTE, BACKSLASH, COMMA, COLON, OPEN, CLOSE, OPEN_LIST, CLOSE_LIST, SMALL_U] = [0x22, 0x5c, 0x2c, 0x3a, 0x7b, 0x7d, 0x5b, 0x5d, 0x75];
const FIRST_PRINTABLE = 0x20;
const BEYOND_ASCII = 0x80;
const ESCAPES: ReadonlySet<number> = new Set([...'"\\/bfnrt'].map((letter) => letter.charCodeAt(0)));

const [ORDINARY, SPECIAL] = [0, 1];
/** By byte: all but quotes, backslashes, control characters and what is beyond ASCII is ordinary. */
const MEANING = Uint8Array.from({ length: 256 }, (_, byte) => (byte < FIRST_PRINTABLE || byte === QUOTE || byte === BACKSLASH || byte >= BEYOND_ASCII ? SPECIAL : ORDINARY));

/** 31, as ever for such hashes; equal ones are compared byte by byte. */
export const FACTOR = 31;

/** How a value lies in the bytes: as it is read; with bytes beyond ASCII; with escapes; or there is none. */
export const [PLAIN, WIDE, ESCAPED, NONE] = [0, 1, 2, 3];

/**
 * Goes through the headers in the JSON of an event where they lie. It understands what a switch writes (one object of strings and
 * lists of strings, no space between) and nothing else; whoever is told so asks JSON.parse.
 */
export abstract class HeaderScan {
  /** The header in hand: from its first quote to behind its last byte. */
  protected from = 0;
  protected at = 0;
  protected hash = 0;
  /** Its key and its value, of a list the first entry, without quotes. */
  protected key = 0;
  protected keyEnd = 0;
  protected value = 0;
  protected valueEnd = 0;
  protected form = PLAIN;
  #body: Buffer = Buffer.alloc(0);

  /** Whose headers they are. */
  get body(): Buffer { return this.#body; }

  /** Takes the header in hand; false ends the scan as if the event were none. */
  protected abstract take(): boolean;

  /** Goes through another event; false where it is not as a switch writes it. */
  protected scan(body: Buffer): boolean {
    this.#body = body;
    this.at = 0;
    if (body[this.at++] !== OPEN) return false;
    for (;;) {
      if (!this.#readHeader()) return false;
      const next = body[this.at++];
      if (next === CLOSE) return isBlank(body, this.at);
      if (next !== COMMA) return false;
    }
  }

  #readHeader(): boolean {
    const body = this.#body;
    this.from = this.at;
    this.key = this.at + 1;
    if (!this.#readKey()) return false;
    this.keyEnd = this.at - 1;
    if (body[this.at++] !== COLON) return false;
    if (body[this.at] === OPEN_LIST) {
      this.value = this.at + 2;
      this.valueEnd = this.#readList();
    } else {
      this.value = this.at + 1;
      this.valueEnd = this.#readString() ? this.at - 1 : -1;
    }
    return this.valueEnd >= 0 && this.take();
  }

  /** Returns where its first entry ends, and leaves that one's form; -1 where it is no list of strings. */
  #readList(): number {
    const body = this.#body;
    this.at += 1;
    if (body[this.at] === CLOSE_LIST) {
      this.at += 1;
      this.form = NONE;
      return this.at;
    }
    if (!this.#readString()) return -1;
    const [end, form] = [this.at - 1, this.form];
    for (;;) {
      const next = body[this.at++];
      if (next === CLOSE_LIST) break;
      if (next !== COMMA || !this.#readString()) return -1;
    }
    this.form = form;
    return end;
  }

  /** A key, from its first quote to behind its last; notes its hash. */
  #readKey(): boolean {
    const body = this.#body;
    let at = this.at;
    if (body[at++] !== QUOTE) return false;
    let hash = 0;
    for (let byte = body[at]!; MEANING[byte] === ORDINARY; byte = body[++at]!) hash = (Math.imul(hash, FACTOR) + byte) | 0;
    if (body[at] !== QUOTE) return false;
    this.at = at + 1;
    this.hash = hash;
    return true;
  }

  /** From its first quote to behind its last; notes its form. */
  #readString(): boolean {
    const body = this.#body;
    let at = this.at;
    if (body[at++] !== QUOTE) return false;
    for (let form = PLAIN; ; at += 1) {
      while (MEANING[body[at]!] === ORDINARY) at += 1;
      const byte = body[at];
      if (byte === QUOTE) {
        this.at = at + 1;
        this.form = form;
        return true;
      }
      if (byte === BACKSLASH && isEscape(body, at + 1)) {
        form = ESCAPED;
        at += 1; // what is escaped may be a quote
      } else if (byte !== undefined && byte >= BEYOND_ASCII) {
        if (form === PLAIN) form = WIDE;
      } else {
        return false;
      }
    }
  }
}

/** As a key is hashed while it is gone through. */
export function hashOf(header: string): number {
  let hash = 0;
  for (let index = 0; index < header.length; index += 1) hash = (Math.imul(hash, FACTOR) + header.charCodeAt(index)) | 0;
  return hash;
}

/** Whether the letter after a backslash may be there. */
function isEscape(body: Buffer, at: number): boolean {
  if (body[at] !== SMALL_U) return ESCAPES.has(body[at] ?? 0);
  return at + 4 < body.length && /^[0-9a-f]{4}$/i.test(body.toString('latin1', at + 1, at + 5));
}

const isBlank = (body: Buffer, from: number): boolean => from === body.length || body.toString('latin1', from).trim() === '';

/** What a look-up table holds of one header, in this order. */
const [TURN, HASH, KEY, KEY_END, VALUE, VALUE_END, FORM, FIELDS] = [0, 1, 2, 3, 4, 5, 6, 7];
/** A power of two; filled to half of it at most. */
const SLOTS = 2_048;
const MOST_HEADERS = SLOTS / 2;

/** How a value lies in the bytes: as it is read; with bytes beyond ASCII; with escapes; or there is none. */
const [PLAIN, WIDE, ESCAPED, NONE] = [0, 1, 2, 3];

const [QUOTE, BACKSLASH, COMMA, COLON, OPEN, CLOSE, OPEN_LIST, CLOSE_LIST, SMALL_U] = [0x22, 0x5c, 0x2c, 0x3a, 0x7b, 0x7d, 0x5b, 0x5d, 0x75];
const FIRST_PRINTABLE = 0x20;
const BEYOND_ASCII = 0x80;
const ESCAPES: ReadonlySet<number> = new Set([...'"\\/bfnrt'].map((letter) => letter.charCodeAt(0)));

const [ORDINARY, SPECIAL] = [0, 1];
/** By byte: all but quotes, backslashes, control characters and what is beyond ASCII is ordinary. */
const MEANING = Uint8Array.from({ length: 256 }, (_, byte) => (byte < FIRST_PRINTABLE || byte === QUOTE || byte === BACKSLASH || byte >= BEYOND_ASCII ? SPECIAL : ORDINARY));

/** 31, as ever for such hashes; equal ones are compared byte by byte. */
const FACTOR = 31;

/**
 * Finds headers in the JSON of an event where they lie, without making an object of it: an event has up to 300 headers, a rule asks
 * for thirty, and what was made of the rest was a third of all that the daemon did. It understands what a switch writes (one object of
 * strings and lists of strings, no space between) and nothing else; whoever is told so asks JSON.parse.
 *
 * One table serves many events, each of which has its turn until the next one is read.
 */
export class HeaderTable {
  readonly #slots = new Int32Array(SLOTS * FIELDS);
  #turn = 0;
  #body: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Of the string that was read last. */
  #form = PLAIN;
  #hash = 0;
  #count = 0;

  /** Whose turn it is. */
  get body(): Buffer { return this.#body; }

  /** Reads the headers of another event; false where it is not as a switch writes it, and then the table is of no use. */
  read(body: Buffer): boolean {
    this.#body = body;
    this.#turn = (this.#turn + 1) | 0;
    this.#at = 0;
    this.#count = 0;
    if (body[this.#at++] !== OPEN) return false;
    for (;;) {
      if (!this.#readHeader()) return false;
      const next = body[this.#at++];
      if (next === CLOSE) return isBlank(body, this.#at);
      if (next !== COMMA) return false;
    }
  }

  /** The value of a header, of a list its first entry; undefined where it is absent. */
  get(header: string): string | undefined {
    const slots = this.#slots;
    const hash = hashOf(header);
    for (let slot = slotOf(hash); slots[slot + TURN] === this.#turn; slot = nextSlot(slot)) {
      if (slots[slot + HASH] !== hash || !this.#isKey(slot, header)) continue;
      return this.#text(slots[slot + VALUE]!, slots[slot + VALUE_END]!, slots[slot + FORM]!);
    }
    return undefined;
  }

  #readHeader(): boolean {
    const body = this.#body;
    const key = this.#at + 1;
    if (!this.#readKey()) return false;
    const [keyEnd, hash] = [this.#at - 1, this.#hash];
    if (body[this.#at++] !== COLON) return false;
    let value = this.#at + 1;
    let valueEnd: number;
    if (body[this.#at] === OPEN_LIST) {
      value = this.#at + 2;
      valueEnd = this.#readList();
    } else {
      valueEnd = this.#readString() ? this.#at - 1 : -1;
    }
    return valueEnd >= 0 && this.#put(hash, key, keyEnd, value, valueEnd);
  }

  /** Returns where its first entry ends, and leaves that one's form; -1 where it is no list of strings. */
  #readList(): number {
    const body = this.#body;
    this.#at += 1;
    if (body[this.#at] === CLOSE_LIST) {
      this.#at += 1;
      this.#form = NONE;
      return this.#at;
    }
    if (!this.#readString()) return -1;
    const [end, form] = [this.#at - 1, this.#form];
    for (;;) {
      const next = body[this.#at++];
      if (next === CLOSE_LIST) break;
      if (next !== COMMA || !this.#readString()) return -1;
    }
    this.#form = form;
    return end;
  }

  /** A key, from its first quote to behind its last; notes its hash. */
  #readKey(): boolean {
    const body = this.#body;
    let at = this.#at;
    if (body[at++] !== QUOTE) return false;
    let hash = 0;
    for (let byte = body[at]!; MEANING[byte] === ORDINARY; byte = body[++at]!) hash = (Math.imul(hash, FACTOR) + byte) | 0;
    if (body[at] !== QUOTE) return false;
    this.#at = at + 1;
    this.#hash = hash;
    return true;
  }

  /** From its first quote to behind its last; notes its form. */
  #readString(): boolean {
    const body = this.#body;
    let at = this.#at;
    if (body[at++] !== QUOTE) return false;
    for (let form = PLAIN; ; at += 1) {
      while (MEANING[body[at]!] === ORDINARY) at += 1;
      const byte = body[at];
      if (byte === QUOTE) {
        this.#at = at + 1;
        this.#form = form;
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

  /** Of a header that comes twice the last value counts, as to JSON.parse. */
  #put(hash: number, key: number, keyEnd: number, value: number, valueEnd: number): boolean {
    const slots = this.#slots;
    let slot = slotOf(hash);
    for (; slots[slot + TURN] === this.#turn; slot = nextSlot(slot)) {
      if (slots[slot + HASH] === hash && this.#isSame(slots[slot + KEY]!, slots[slot + KEY_END]!, key, keyEnd)) break;
    }
    this.#count += 1;
    if (this.#count > MOST_HEADERS) return false;
    slots[slot + TURN] = this.#turn;
    slots[slot + HASH] = hash;
    slots[slot + KEY] = key;
    slots[slot + KEY_END] = keyEnd;
    slots[slot + VALUE] = value;
    slots[slot + VALUE_END] = valueEnd;
    slots[slot + FORM] = this.#form;
    return true;
  }

  #isSame(key: number, keyEnd: number, other: number, otherEnd: number): boolean {
    return this.#body.compare(this.#body, key, keyEnd, other, otherEnd) === 0;
  }

  #isKey(slot: number, header: string): boolean {
    const key = this.#slots[slot + KEY]!;
    if (this.#slots[slot + KEY_END]! - key !== header.length) return false;
    for (let index = 0; index < header.length; index += 1) if (this.#body[key + index] !== header.charCodeAt(index)) return false;
    return true;
  }

  #text(from: number, to: number, form: number): string | undefined {
    switch (form) {
      case PLAIN: return this.#body.toString('latin1', from, to);
      case WIDE: return this.#body.toString('utf8', from, to);
      case ESCAPED: return JSON.parse(`"${this.#body.toString('utf8', from, to)}"`) as string;
      default: return undefined;
    }
  }
}

function hashOf(header: string): number {
  let hash = 0;
  for (let index = 0; index < header.length; index += 1) hash = (Math.imul(hash, FACTOR) + header.charCodeAt(index)) | 0;
  return hash;
}

const slotOf = (hash: number): number => ((hash ^ (hash >>> 11)) & (SLOTS - 1)) * FIELDS;
const nextSlot = (slot: number): number => (slot + FIELDS) % (SLOTS * FIELDS);

/** Whether the letter after a backslash may be there. */
function isEscape(body: Buffer, at: number): boolean {
  if (body[at] !== SMALL_U) return ESCAPES.has(body[at] ?? 0);
  return at + 4 < body.length && /^[0-9a-f]{4}$/i.test(body.toString('latin1', at + 1, at + 5));
}

const isBlank = (body: Buffer, from: number): boolean => from === body.length || body.toString('latin1', from).trim() === '';

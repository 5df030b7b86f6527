import { ESCAPED, FACTOR, hashOf, HeaderScan, PLAIN, WIDE } from './header-scan.js';

/** What a look-up table holds of one header, in this order. */
const [TURN, HASH, KEY, KEY_END, VALUE, VALUE_END, FORM, FIELDS] = [0, 1, 2, 3, 4, 5, 6, 7];
/** A power of two; filled to half of it at most. */
const SLOTS = 2_048;
const MOST_HEADERS = SLOTS / 2;
/** A power of two. Most of what is asked for has come before: ids, numbers and the tenant's names in every event of a call. */
const RECENT = 4_096;
const LONGEST_RECENT = 64;

/**
 * Finds headers in the JSON of an event without making an object of it: an event has up to 300 headers, a rule asks for thirty, and
 * what was made of the rest was a third of all that the daemon did.
 *
 * One table serves many events, each of which has its turn until the next one is read.
 */
export class HeaderTable extends HeaderScan {
  readonly #slots = new Int32Array(SLOTS * FIELDS);
  /** Values that came lately, each where its hash leads: to look one up costs less than to make it anew, and calls in memory share them. */
  readonly #recent = Array.from({ length: RECENT }, () => '');
  #turn = 0;
  #count = 0;

  /** Reads the headers of another event; false where it is not as a switch writes it, and then the table is of no use. */
  read(body: Buffer): boolean {
    this.#turn = (this.#turn + 1) | 0;
    this.#count = 0;
    return this.scan(body);
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

  /** Of a header that comes twice the last value counts, as to JSON.parse. */
  protected override take(): boolean {
    const { hash } = this;
    const slots = this.#slots;
    let slot = slotOf(hash);
    for (; slots[slot + TURN] === this.#turn; slot = nextSlot(slot)) {
      if (slots[slot + HASH] === hash && this.#isSame(slots[slot + KEY]!, slots[slot + KEY_END]!)) break;
    }
    this.#count += 1;
    if (this.#count > MOST_HEADERS) return false;
    slots[slot + TURN] = this.#turn;
    slots[slot + HASH] = hash;
    slots[slot + KEY] = this.key;
    slots[slot + KEY_END] = this.keyEnd;
    slots[slot + VALUE] = this.value;
    slots[slot + VALUE_END] = this.valueEnd;
    slots[slot + FORM] = this.form;
    return true;
  }

  #isSame(key: number, keyEnd: number): boolean {
    return this.body.compare(this.body, key, keyEnd, this.key, this.keyEnd) === 0;
  }

  #isKey(slot: number, header: string): boolean {
    const key = this.#slots[slot + KEY]!;
    return this.#slots[slot + KEY_END]! - key === header.length && isAt(this.body, key, header);
  }

  #text(from: number, to: number, form: number): string | undefined {
    switch (form) {
      case PLAIN: return to - from > LONGEST_RECENT ? this.body.toString('latin1', from, to) : this.#shared(from, to);
      case WIDE: return this.body.toString('utf8', from, to);
      case ESCAPED: return JSON.parse(`"${this.body.toString('utf8', from, to)}"`) as string;
      default: return undefined;
    }
  }

  #shared(from: number, to: number): string {
    const body = this.body;
    let hash = 0;
    for (let at = from; at < to; at += 1) hash = (Math.imul(hash, FACTOR) + body[at]!) | 0;
    const slot = (hash ^ (hash >>> 12)) & (RECENT - 1);
    const known = this.#recent[slot]!;
    if (known.length === to - from && isAt(body, from, known)) return known;
    const value = body.toString('latin1', from, to);
    this.#recent[slot] = value;
    return value;
  }
}

function isAt(body: Buffer, from: number, text: string): boolean {
  for (let index = 0; index < text.length; index += 1) if (body[from + index] !== text.charCodeAt(index)) return false;
  return true;
}

const slotOf = (hash: number): number => ((hash ^ (hash >>> 11)) & (SLOTS - 1)) * FIELDS;
const nextSlot = (slot: number): number => (slot + FIELDS) % (SLOTS * FIELDS);

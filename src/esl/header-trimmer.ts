import { hashOf, HeaderScan } from './header-scan.js';

/** A power of two. Two headers that fall on one bit pattern are both kept, which does no harm. */
const PATTERNS = 65_536;
/** A switch names the event first. Events of other kinds are rare, and have headers of their own. */
const CHANNEL_EVENT = Buffer.from('{"Event-Name":"CHANNEL_');
const [OPEN, CLOSE, COMMA] = [0x7b, 0x7d, 0x2c];

/**
 * Makes the JSON of a channel's event shorter by every header that nobody will ask for, nine tenths of its bytes as a rule. Everything else
 * stays as it is: other events, and what no switch writes.
 */
export class HeaderTrimmer extends HeaderScan {
  readonly #isWanted = new Uint8Array(PATTERNS);
  #into: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;

  /** `wanted`: their exact names, `Event-Name` among them. */
  constructor(wanted: Iterable<string>) {
    super();
    for (const header of wanted) this.#isWanted[patternOf(hashOf(header))] = 1;
  }

  /** Writes the event, shorter where it can be, into `into` at `start`, where there is room for all of it; returns where it ends there. */
  trim(body: Buffer, into: Buffer, start: number): number {
    this.#into = into;
    this.#start = this.#end = start;
    if (!isOfChannel(body) || !this.scan(body)) return start + body.copy(into, start);
    into[this.#end] = CLOSE;
    return this.#end + 1;
  }

  protected override take(): boolean {
    if (this.#isWanted[patternOf(this.hash)] === 0) return true;
    const { body, at: to } = this;
    const into = this.#into;
    let end = this.#end;
    into[end] = end === this.#start ? OPEN : COMMA;
    end += 1;
    for (let from = this.from; from < to; from += 1) into[end++] = body[from]!;
    this.#end = end;
    return true;
  }
}

const isOfChannel = (body: Buffer): boolean => body.subarray(0, CHANNEL_EVENT.length).equals(CHANNEL_EVENT);

const patternOf = (hash: number): number => (hash ^ (hash >>> 16)) & (PATTERNS - 1);

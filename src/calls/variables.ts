import type { Dated } from './leg.js';

/** What lies side by side of one variable: its name, its value, and the Event-Sequence of the event that told it. */
const [VALUE, SEQUENCE, PARTS] = [1, 2, 3];

/**
 * The latest value of each watched variable of a leg, by Event-Sequence. Every event tells all of them again, and tens of thousands of legs
 * hold six each: so they lie in one list, and to hear the same again makes nothing.
 */
export class Variables implements Iterable<[name: string, dated: Dated]> {
  #told: (string | number)[] = [];

  constructor(told: Iterable<readonly [name: string, dated: Dated]> = []) {
    for (const [name, { value, sequence }] of told) this.hear(name, value, sequence);
  }

  has(name: string): boolean { return this.#find(name) >= 0; }

  get(name: string): string | undefined {
    const at = this.#find(name);
    return at < 0 ? undefined : this.#told[at + VALUE] as string;
  }

  /** Of the event that told it; -1 where none has. */
  sequenceOf(name: string): number {
    const at = this.#find(name);
    return at < 0 ? -1 : this.#told[at + SEQUENCE] as number;
  }

  /** Takes a value unless a later event has told one; of two events with the same sequence the one heard last counts. */
  hear(name: string, value: string, sequence: number): void {
    const told = this.#told;
    const at = this.#find(name);
    if (at < 0) {
      this.#told = told.concat(name, value, sequence); // no longer than it must be, as push() would leave it
    } else if (sequence >= (told[at + SEQUENCE] as number)) {
      told[at + VALUE] = value;
      told[at + SEQUENCE] = sequence;
    }
  }

  * [Symbol.iterator](): Iterator<[name: string, dated: Dated]> {
    const told = this.#told;
    for (let at = 0; at < told.length; at += PARTS) yield [told[at] as string, { value: told[at + VALUE] as string, sequence: told[at + SEQUENCE] as number }];
  }

  /** Where it lies; -1 where it was never told. */
  #find(name: string): number {
    const told = this.#told;
    for (let at = 0; at < told.length; at += PARTS) if (told[at] === name) return at;
    return -1;
  }
}

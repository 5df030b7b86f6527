/** Stands for each number with another one of the same length, the same wherever it comes again; no two numbers share one. */
export class OtherNumbers {
  readonly #given = new Map<string, string>();
  readonly #taken = new Set<string>();
  readonly #random: () => number;
  readonly #leastDigits: number;

  /** Numbers shorter than `leastDigits` stand for themselves. */
  constructor({ random, leastDigits = 0 }: { random: () => number; leastDigits?: number }) {
    this.#random = random;
    this.#leastDigits = leastDigits;
  }

  of(digits: string): string {
    if (digits.length < this.#leastDigits) return digits;
    const known = this.#given.get(digits);
    if (known !== undefined) return known;
    const other = this.#free(digits);
    this.#given.set(digits, other);
    this.#taken.add(other);
    return other;
  }

  /** A leading 0 stays, for a dialplan tells by it. There are as many others as numbers, so one is always free. */
  #free(digits: string): string {
    const first = digits.startsWith('0') ? '0' : String(1 + Math.floor(this.#random() * 9));
    const drawn = first + Array.from({ length: digits.length - 1 }, () => Math.floor(this.#random() * 10)).join('');
    const firstOf = first === '0' ? 0n : 10n ** BigInt(digits.length - 1);
    const size = first === '0' ? 10n ** BigInt(digits.length - 1) : 9n * firstOf;
    for (let step = 0n; step < size; step += 1n) {
      const candidate = (firstOf + (BigInt(drawn) - firstOf + step) % size).toString().padStart(digits.length, '0');
      if (!this.#taken.has(candidate)) return candidate;
    }
    return digits;
  }
}

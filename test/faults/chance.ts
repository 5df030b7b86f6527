import { createHash } from 'node:crypto';

/** A number in [0, 1), the next one with each call. */
export type Chance = () => number;

/** Chance that can be had again: one seed gives one row of numbers (mulberry32). */
export function chanceOf(seed: string): Chance {
  let state = createHash('sha256').update(seed).digest().readUInt32LE();
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `count` shares of a whole in growing order, one at random in each of as many equal parts of [from, to]: spread, so that every one meets something new. */
export function moments(count: number, chance: Chance, from = 0.08, to = 0.9): number[] {
  return Array.from({ length: count }, (_, index) => from + ((index + chance()) / count) * (to - from));
}

/** The same text, the same uuid. */
export function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

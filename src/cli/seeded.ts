import { createHash } from 'node:crypto';

/** Numbers in [0, 1) that follow from the seed alone, the same on every machine. */
export function seeded(seed: string): () => number {
  let drawn = 0;
  return () => createHash('sha256').update(`${seed}\n${drawn++}`).digest().readUIntBE(0, 6) / 2 ** 48;
}

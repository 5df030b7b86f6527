import type { Vault } from '../seal.js';
import type { Queryable } from './pool.js';
import { SEALED_COLUMNS, type Place, type Replacement, type SealedColumn } from './sealed-columns.js';

/** What is sealed: what is stored as plain text, or also, anew, what another key has sealed. */
export type Which = 'plain' | 'all';

/** What came of it, counted in values. */
export interface Resealed {
  /** Sealed now with the vault's first key. */
  readonly sealed: number;
  /** Sealed with a key that is not configured, by its id. */
  readonly locked: ReadonlyMap<string, number>;
  /** Changed since they were sealed. */
  readonly damaged: number;
}

interface Count { sealed: number; locked: Map<string, number>; damaged: number; missed: number }

const BATCH = 500;
/** Beyond this many rounds somebody keeps writing otherwise, and would do so for ever. */
const ROUNDS = 20;

/**
 * Seals with the vault's first key what is stored otherwise. A value is replaced only where it is still the one that was read:
 * what somebody writes meanwhile is looked at in another round. So it may run beside daemons, twice at once, and again after it
 * was cut short. Without a key it does nothing.
 */
export async function reseal(db: Queryable, vault: Vault, which: Which): Promise<Resealed> {
  if (vault.prefix === undefined) return { sealed: 0, locked: new Map(), damaged: 0 };
  const done = which === 'plain' ? 'sealed:' : vault.prefix;
  let sealed = 0;
  for (let round = 1; round <= ROUNDS; round += 1) {
    const count: Count = { sealed: 0, locked: new Map(), damaged: 0, missed: 0 };
    for (const column of SEALED_COLUMNS) await resealColumn(db, vault, column, done, count);
    sealed += count.sealed;
    if (count.missed === 0) return { sealed, locked: count.locked, damaged: count.damaged };
  }
  throw new Error(`Keys and secrets change faster than they can be sealed: after ${ROUNDS} rounds some are still to be done`);
}

async function resealColumn(db: Queryable, vault: Vault, column: SealedColumn, done: string, count: Count): Promise<void> {
  for (let after: Place | undefined; ;) {
    const page = await column.page(db, done, after, BATCH);
    const replacements = page.flatMap((value): Replacement[] => {
      const opened = vault.open(value.stored, value.row);
      if (opened.kind === 'opened') return [{ value, sealed: vault.seal(opened.text, value.row) }];
      if (opened.kind === 'damaged') count.damaged += 1;
      else count.locked.set(opened.keyId, (count.locked.get(opened.keyId) ?? 0) + 1);
      return [];
    });
    const replaced = replacements.length === 0 ? 0 : await column.replace(db, replacements);
    count.sealed += replaced;
    count.missed += replacements.length - replaced;
    if (page.length < BATCH) return;
    after = page.at(-1)!.place;
  }
}

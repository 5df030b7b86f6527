import type { FieldError } from './problem.js';

/** Which part of a list is asked for. */
export interface Page {
  /** Rows at most. */
  limit: number;
  /** The keys of the row that ended the page before; undefined for the first page. */
  after: readonly string[] | undefined;
}

/** Either the page, or everything that is wrong with it. */
export type ParsedPage = { kind: 'page'; page: Page } | { kind: 'invalid'; errors: FieldError[] };

/** The form of a list's answer. */
export interface PageAnswer<T> { data: T[]; next_cursor: string | null }

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 500;

/**
 * Reads `?limit=` (1 to 500, 100 unless told) and `&cursor=`. A cursor carries the keys by which the list is ordered, so that a
 * page begins after the row before and not after a count of rows, whatever was added meanwhile. `keys` has one test for each
 * key, since a cursor comes from outside: a text that passes must be one that the list's query can take.
 */
export function parsePage(query: unknown, keys: readonly ((text: string) => boolean)[]): ParsedPage {
  const { limit: givenLimit, cursor } = query as { limit?: unknown; cursor?: unknown };
  const errors: FieldError[] = [];
  const limit = givenLimit === undefined ? DEFAULT_LIMIT : wholeNumber(givenLimit);
  if (!(limit >= 1 && limit <= MAX_LIMIT)) errors.push({ field: 'limit', message: `Must be a whole number from 1 to ${MAX_LIMIT}.` });
  const after = cursor === undefined ? undefined : readCursor(cursor, keys);
  if (after === null) errors.push({ field: 'cursor', message: 'Must be the next_cursor of an answer to this same list.' });
  return errors.length > 0 ? { kind: 'invalid', errors } : { kind: 'page', page: { limit, after: after ?? undefined } };
}

/** The answer from up to `limit + 1` rows: the one too many is not shown, and only says that there is a next page. */
export function pageAnswer<R, T>(rows: readonly R[], { limit }: Page, keysOf: (row: R) => readonly (string | number)[], shown: (row: R) => T): PageAnswer<T> {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { data: page.map(shown), next_cursor: rows.length > limit && last !== undefined ? writeCursor(keysOf(last)) : null };
}

/** A key that counts something, such as microseconds, up to what a number holds. */
export function isCount(text: string): boolean {
  return /^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text));
}

function writeCursor(keys: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(keys.map(String))).toString('base64url');
}

function readCursor(cursor: unknown, keys: readonly ((text: string) => boolean)[]): string[] | null {
  if (typeof cursor !== 'string' || !/^[\w-]+$/.test(cursor)) return null;
  let found: unknown;
  try {
    found = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return null;
  }
  if (!Array.isArray(found) || found.length !== keys.length) return null;
  const texts = found.filter((text, index): text is string => typeof text === 'string' && keys[index]!(text));
  return texts.length === keys.length ? texts : null;
}

function wholeNumber(text: unknown): number {
  return typeof text === 'string' && /^\d{1,6}$/.test(text) ? Number(text) : NaN;
}

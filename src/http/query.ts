import type { FieldError } from './problem.js';

/** Reads the query of a request and gathers what is wrong with it. Each parameter may be there once; each method is undefined where it is not, or is wrong. */
export interface QueryReader {
  readonly errors: FieldError[];
  /** A text of 1 to `maxLength` characters without control characters. */
  text(name: string, maxLength: number): string | undefined;
  /** Words of a list, separated by commas. */
  words<W extends string>(name: string, known: readonly W[]): W[] | undefined;
  /** A text that passes, or `message` says what would. */
  matching(name: string, passes: (text: string) => boolean, message: string): string | undefined;
  /** A moment, RFC 3339 with its offset. */
  time(name: string): Date | undefined;
}

/** A reader of this query. A parameter that is none of `known` is the first error: what it was to leave out would come all the same. */
export function readQuery(query: unknown, known: readonly string[]): QueryReader {
  const given = query as Record<string, unknown>;
  const errors: FieldError[] = Object.keys(given).filter((name) => !known.includes(name)).slice(0, MOST_TOLD)
    .map((name) => ({ field: name.slice(0, MOST_SHOWN), message: `Is not known here. There are ${known.join(', ')}.` }));

  function refuse(field: string, message: string): undefined {
    errors.push({ field, message });
    return undefined;
  }

  function text(name: string, maxLength: number): string | undefined {
    const value = given[name];
    if (value === undefined) return undefined;
    if (typeof value !== 'string') return refuse(name, 'Must be there once.');
    if (value === '' || value.length > maxLength) return refuse(name, `Must be 1 to ${maxLength} characters long.`);
    return isClean(value) ? value : refuse(name, 'Must not contain control characters.');
  }

  function matching(name: string, passes: (value: string) => boolean, message: string): string | undefined {
    const value = given[name];
    if (value === undefined) return undefined;
    return typeof value === 'string' && passes(value) ? value : refuse(name, message);
  }

  return {
    errors, text, matching,
    words<W extends string>(name: string, known: readonly W[]) {
      const isKnown = (word: string): word is W => (known as readonly string[]).includes(word);
      const value = matching(name, (list) => list.split(',').every(isKnown), `Must be any of ${known.join(', ')}, separated by commas.`);
      return value?.split(',').filter(isKnown);
    },
    time(name) {
      const value = matching(name, (moment) => timeOf(moment) !== undefined, NOT_A_TIME);
      return value === undefined ? undefined : timeOf(value);
    },
  };
}

/** Whether Postgres could hold it, and a person meant it. */
export function isClean(text: string): boolean {
  return !/\p{Cc}|\p{Cs}/u.test(text);
}

/** A moment as in RFC 3339, of the years that Postgres and JavaScript agree on; undefined where it is none. */
export function timeOf(text: string): Date | undefined {
  const at = RFC_3339.test(text) ? new Date(text) : undefined;
  return at === undefined || Number.isNaN(at.getTime()) || at.getTime() < 0 ? undefined : at;
}

/** What to send instead of something that is no moment. */
export const NOT_A_TIME = 'Must be a time since 1970 as in RFC 3339, such as 2026-01-31T00:00:00Z.';

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;
const MOST_TOLD = 10;
const MOST_SHOWN = 64;

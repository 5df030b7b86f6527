import type { FieldError } from './problem.js';

/** Reads the fields of one JSON body and gathers what is wrong with them, so that a client is told all of it at once. */
export interface FieldReader {
  readonly errors: FieldError[];
  /** Whether the body says anything of this field; null says nothing. */
  has(field: string): boolean;
  /** A text of 1 to `maxLength` characters without control characters; '' where it is wrong. */
  text(field: string, maxLength: number): string;
  /** The same, but it may be absent or empty. */
  optionalText(field: string, maxLength: number): string;
  /** True or false; false where it is wrong. */
  flag(field: string): boolean;
  /** A moment to come, RFC 3339 with its offset; undefined where it is wrong. */
  future(field: string, now: Date): Date | undefined;
  refuse(field: string, message: string): void;
}

/** A reader of this body. One that is no JSON object is the first error, and then has no fields. */
export function readFields(body: unknown): FieldReader {
  const errors: FieldError[] = [];
  const refuse = (field: string, message: string) => { errors.push({ field, message }); };
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
  if (!isObject) refuse('', 'The body must be a JSON object.');
  const fields = isObject ? body as Record<string, unknown> : {};
  // Only an own property counts: `__proto__` and its like carry nothing in.
  const own = (field: string) => (Object.hasOwn(fields, field) ? fields[field] ?? undefined : undefined);

  function text(field: string, maxLength: number): string {
    const value = own(field);
    const wrong = value === undefined || value === '' ? 'Is required.'
      : typeof value !== 'string' ? 'Must be a string.'
        : value.length > maxLength ? `Must be at most ${maxLength} characters long.`
          : /\p{Cc}|\p{Cs}/u.test(value) ? 'Must not contain control characters.' : undefined;
    if (wrong !== undefined) refuse(field, wrong);
    return wrong === undefined ? value as string : '';
  }

  return {
    errors,
    refuse,
    has: (field) => own(field) !== undefined,
    text,
    optionalText: (field, maxLength) => ((own(field) ?? '') === '' ? '' : text(field, maxLength)),
    flag(field) {
      const value = own(field);
      if (typeof value !== 'boolean') refuse(field, 'Must be true or false.');
      return value === true;
    },
    future(field, now) {
      const value = own(field);
      const at = typeof value === 'string' && RFC_3339.test(value) ? new Date(value) : undefined;
      if (at !== undefined && at > now) return at;
      refuse(field, 'Must be a time to come as in RFC 3339, such as 2030-01-31T00:00:00Z.');
      return undefined;
    },
  };
}

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

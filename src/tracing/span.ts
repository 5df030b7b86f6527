/** A span that has ended. Times are milliseconds since 1970, with fractions. */
export interface EndedSpan {
  readonly name: 'event' | 'append' | 'attempt';
  readonly kind: 'consumer' | 'internal' | 'client';
  /** Hex, 32 digits. */
  readonly traceId: string;
  /** Hex, 16 digits. */
  readonly spanId: string;
  /** Undefined where nothing in the trace comes before it. */
  readonly parentId: string | undefined;
  readonly startMs: number;
  readonly endMs: number;
  /** Undefined ones are left out. Never a secret, a number, a body, or more of a URL than its host. */
  readonly attributes: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly moments: readonly Moment[];
  /** What went wrong; undefined where nothing did. */
  readonly error: string | undefined;
}

/** Something that happened within a span, and how long it took. */
export interface Moment { readonly name: string; readonly atMs: number; readonly tookMs: number }

/** Which bytes of a file a request wants. `to` is the last one, counted from 0. */
export type Wanted =
  | { kind: 'all' }
  | { kind: 'part'; from: number; to: number }
  | { kind: 'unsatisfiable' };

/**
 * Reads a `Range` header (RFC 9110, 14.2). What is no range of bytes is passed over, and so are several at once: a server may
 * always answer with the whole, and players ask for one.
 */
export function rangeOf(header: string | undefined, size: number): Wanted {
  const [, first = '', last = ''] = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(header ?? '') ?? [];
  if (first === '' && last === '') return { kind: 'all' };
  if (first === '') return suffix(Number(last), size);
  const from = Number(first);
  const to = last === '' ? Infinity : Number(last);
  if (to < from) return { kind: 'all' }; // not a valid range at all
  return from >= size ? { kind: 'unsatisfiable' } : { kind: 'part', from, to: Math.min(to, size - 1) };
}

/** The last so many bytes. Of an empty file those are none, which no Content-Range can say. */
function suffix(length: number, size: number): Wanted {
  if (length === 0) return { kind: 'unsatisfiable' };
  return size === 0 ? { kind: 'all' } : { kind: 'part', from: Math.max(0, size - length), to: size - 1 };
}

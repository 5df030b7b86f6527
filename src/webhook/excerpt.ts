/** How much of an answer's body is kept, in bytes as they came. */
export const EXCERPT_BYTES = 1_024;

/**
 * The beginning of an answer's body as text, for people to look at: UTF-8, cut at the boundary of a character, what is no UTF-8
 * shown as U+FFFD. So are NULs, which a text in Postgres cannot hold.
 */
export function excerptOf(body: Uint8Array): string {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  // As a part of a stream: what is left of a character at the end is kept back.
  return decoder.decode(body.subarray(0, EXCERPT_BYTES), { stream: true }).replaceAll('\0', '\ufffd');
}

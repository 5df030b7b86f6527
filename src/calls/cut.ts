/** A variable that is kept or sent for its own sake: this many bytes of it. */
const MOST_BYTES = 1_024;
/** One UTF-16 unit takes at most three bytes. */
const SURELY_SHORT = Math.floor(MOST_BYTES / 3);

/** At most 1 KiB of a value, in UTF-8, cut between two characters. */
export function cut(value: string): string {
  if (value.length <= SURELY_SHORT) return value;
  const bytes = new TextEncoder().encode(value);
  if (bytes.length <= MOST_BYTES) return value;
  let end = MOST_BYTES;
  while ((bytes[end]! & 0xc0) === 0x80) end -= 1; // the first byte left out must begin a character
  return new TextDecoder().decode(bytes.subarray(0, end));
}

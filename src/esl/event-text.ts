/** What becomes of one value; the same text where nothing shall change. */
export type EditValue = (name: string, value: string) => string;

const INNER = '[^"\\\\]*(?:\\\\.[^"\\\\]*)*';
const HEADER = new RegExp(`"(${INNER})"\\s*:\\s*(?:"(${INNER})"|\\[((?:\\s*"${INNER}"\\s*,?)*)\\s*\\])`, 'gs');
const ITEM = new RegExp(`"(${INNER})"`, 'gs');

/**
 * The body of a text/event-json frame with other values. What does not change stays byte for byte, also what is not UTF-8: a value
 * is given one character a byte. Where an event's own body changes (`_body`), the length that it announces does, too.
 */
export function editEvent(body: Buffer, edit: EditValue): Buffer {
  let length: number | undefined;
  const editText = (name: string, written: string): string => {
    const value = written.includes('\\') ? JSON.parse(`"${written}"`) as string : written;
    const edited = edit(name, value);
    if (edited === value) return written;
    if (name === '_body') length = Buffer.byteLength(edited, 'latin1');
    return JSON.stringify(edited).slice(1, -1);
  };
  const text = body.toString('latin1').replace(HEADER, (all: string, name: string, value: string | undefined, list: string | undefined) => {
    if (value !== undefined) return `"${name}":"${editText(name, value)}"`;
    if (list === undefined) return all;
    return `"${name}":[${list.replace(ITEM, (_item, item: string) => `"${editText(name, item)}"`)}]`;
  });
  return Buffer.from(length === undefined ? text : text.replace(/"Content-Length":"\d+"/, `"Content-Length":"${length}"`), 'latin1');
}

/** Calls `see` with each value of the body, lists item by item. */
export function eachValue(body: Buffer, see: (name: string, value: string) => void): void {
  editEvent(body, (name, value) => { see(name, value); return value; });
}

/** One server-sent event. */
export interface ServerEvent { readonly event: string; readonly data: string }

// A line of ours has less than 2 kB. What sends this much without an end is no stream of ours.
const LONGEST = 1_048_576;

/**
 * Cuts a stream of server-sent events (HTML standard, 9.2.6) into events, whatever the chunks; comments and fields that we do not
 * use are skipped. Throws where an event never ends.
 */
export class ServerEventReader {
  #pending = '';
  #event = '';
  #data: string[] = [];

  push(text: string): ServerEvent[] {
    const lines = (this.#pending + text).split(/\r\n|\n|\r(?!$)/);
    this.#pending = lines.pop()!;
    if (this.#pending.length > LONGEST || this.#data.length > LONGEST) throw new Error('The stream is not one of server-sent events');
    return lines.flatMap((line) => this.#readLine(line));
  }

  #readLine(line: string): ServerEvent[] {
    if (line === '') return this.#dispatch();
    const [, name, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (name === 'event') this.#event = value;
    if (name === 'data') this.#data.push(value);
    return [];
  }

  #dispatch(): ServerEvent[] {
    const event = { event: this.#event || 'message', data: this.#data.join('\n') };
    const empty = this.#data.length === 0;
    this.#event = '';
    this.#data = [];
    return empty ? [] : [event];
  }
}

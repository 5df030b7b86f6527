import type { SwitchEvent } from '../calls/event.js';
import type { Malformed } from './malformed.js';

export type ReadEvent =
  | { kind: 'event'; event: SwitchEvent }
  | { kind: 'malformed'; why: Extract<Malformed, 'bad-json' | 'no-event-name'> };

/**
 * Reads the body of one text/event-json frame, or the same as text. Bytes that are not UTF-8 (Latin-1 caller names arrive raw) become U+FFFD and
 * cost nothing else. Headers are looked up where they lie, never copied: an event has up to 250 and a rule needs a few.
 */
export function readEvent(body: Buffer | string, switchName: string, receivedAtMs: number): ReadEvent {
  let record: unknown;
  try {
    record = JSON.parse(body.toString());
  } catch {
    return { kind: 'malformed', why: 'bad-json' };
  }
  if (typeof record !== 'object' || record === null || Array.isArray(record)) return { kind: 'malformed', why: 'bad-json' };
  const event = new RecordEvent(record as Record<string, unknown>, switchName, receivedAtMs);
  return event.name === '' ? { kind: 'malformed', why: 'no-event-name' } : { kind: 'event', event };
}

class RecordEvent implements SwitchEvent {
  readonly switchName: string;
  readonly name: string;
  readonly subclass: string;
  readonly coreId: string;
  readonly sequence: number;
  readonly timestampUs: number;
  readonly receivedAtMs: number;
  readonly #record: Record<string, unknown>;

  constructor(record: Record<string, unknown>, switchName: string, receivedAtMs: number) {
    this.#record = record;
    this.switchName = switchName;
    this.receivedAtMs = receivedAtMs;
    this.name = this.get('Event-Name') ?? '';
    this.subclass = this.get('Event-Subclass') ?? '';
    this.coreId = this.get('Core-UUID') ?? '';
    this.sequence = wholeNumber(this.get('Event-Sequence'));
    this.timestampUs = wholeNumber(this.get('Event-Date-Timestamp'));
  }

  get(header: string): string | undefined {
    if (!Object.hasOwn(this.#record, header)) return undefined; // not what an object inherits, such as `constructor`
    const value = this.#record[header];
    return text(Array.isArray(value) ? value[0] : value);
  }
}

function text(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

function wholeNumber(value: string | undefined): number {
  const number = Number(value);
  return Number.isSafeInteger(number) && number > 0 ? number : 0;
}

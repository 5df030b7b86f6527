import type { SwitchEvent } from '../calls/event.js';
import { HeaderTable } from './header-table.js';
import type { Malformed } from './malformed.js';

export type ReadEvent =
  | { kind: 'event'; event: SwitchEvent }
  | { kind: 'malformed'; why: Extract<Malformed, 'bad-json' | 'no-event-name'> };

export type EventReader = (body: Buffer | string, switchName: string, receivedAtMs: number) => ReadEvent;

/**
 * For a link, which reads many: looks headers up where they lie. An event lies in its body, and is good as long as that stays as it
 * is; see `SwitchEvent.keep`.
 */
export function createEventReader(): EventReader {
  const table = new HeaderTable();
  return (body, switchName, receivedAtMs) => {
    if (typeof body !== 'string' && table.read(body)) return named(new TableEvent(table, body, switchName, receivedAtMs));
    return readEvent(body, switchName, receivedAtMs);
  };
}

/**
 * Reads the body of one text/event-json frame, or the same as text. Bytes that are not UTF-8 (Latin-1 caller names arrive raw) become
 * U+FFFD and cost nothing else.
 */
export const readEvent: EventReader = (body, switchName, receivedAtMs) => {
  let record: unknown;
  try {
    record = JSON.parse(body.toString());
  } catch {
    return { kind: 'malformed', why: 'bad-json' };
  }
  if (typeof record !== 'object' || record === null || Array.isArray(record)) return { kind: 'malformed', why: 'bad-json' };
  return named(new RecordEvent(record as Record<string, unknown>, switchName, receivedAtMs));
};

const named = (event: SwitchEvent): ReadEvent => (event.name === '' ? { kind: 'malformed', why: 'no-event-name' } : { kind: 'event', event });

/** What every event is asked for here. */
export const OWN_HEADERS = ['Event-Name', 'Event-Subclass', 'Core-UUID', 'Event-Sequence', 'Event-Date-Timestamp'] as const;

/** What every event has, whatever holds its headers. */
abstract class HeadedEvent implements SwitchEvent {
  readonly switchName: string;
  readonly name: string;
  readonly subclass: string;
  readonly coreId: string;
  readonly sequence: number;
  readonly timestampUs: number;
  readonly receivedAtMs: number;

  constructor(header: (name: string) => string | undefined, switchName: string, receivedAtMs: number) {
    this.switchName = switchName;
    this.receivedAtMs = receivedAtMs;
    this.name = header('Event-Name') ?? '';
    this.subclass = header('Event-Subclass') ?? '';
    this.coreId = header('Core-UUID') ?? '';
    this.sequence = wholeNumber(header('Event-Sequence'));
    this.timestampUs = wholeNumber(header('Event-Date-Timestamp'));
  }

  abstract get(header: string): string | undefined;
}

/** Headers are looked up where they lie, never copied. */
class TableEvent extends HeadedEvent {
  readonly #table: HeaderTable;
  #body: Buffer;

  constructor(table: HeaderTable, body: Buffer, switchName: string, receivedAtMs: number) {
    super((header) => table.get(header), switchName, receivedAtMs);
    this.#table = table;
    this.#body = body;
  }

  get(header: string): string | undefined {
    if (this.#table.body !== this.#body) this.#table.read(this.#body);
    return this.#table.get(header);
  }

  keep(): void { this.#body = Buffer.from(this.#body); }
}

class RecordEvent extends HeadedEvent {
  readonly #record: Record<string, unknown>;

  constructor(record: Record<string, unknown>, switchName: string, receivedAtMs: number) {
    super((header) => headerIn(record, header), switchName, receivedAtMs);
    this.#record = record;
  }

  get(header: string): string | undefined { return headerIn(this.#record, header); }
}

function headerIn(record: Record<string, unknown>, header: string): string | undefined {
  if (!Object.hasOwn(record, header)) return undefined; // not what an object inherits, such as `constructor`
  const value = record[header];
  return text(Array.isArray(value) ? value[0] : value);
}

function text(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

function wholeNumber(value: string | undefined): number {
  const number = Number(value);
  return Number.isSafeInteger(number) && number > 0 ? number : 0;
}

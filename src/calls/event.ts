/** One event as the switch told it; made by `src/esl` from the raw headers, understood by everything in this folder. */
export interface SwitchEvent {
  /** Which switch, by its configured name. */
  readonly switchName: string;
  /** `Event-Name`, for example CHANNEL_CREATE. */
  readonly name: string;
  /** `Event-Subclass` of a CUSTOM event, else ''. */
  readonly subclass: string;
  /** `Core-UUID`: changes with every start of the switch. */
  readonly coreId: string;
  /** `Event-Sequence`: orders the events of one leg (not their timestamps, which tick every 20 ms). 0 where absent. */
  readonly sequence: number;
  /** `Event-Date-Timestamp`, microseconds since 1970. 0 where absent. */
  readonly timestampUs: number;
  /** When its last byte was read, on `Clock.monotonicMs`. */
  readonly receivedAtMs: number;
  /** The value of a header by its exact name (`Unique-ID`, `variable_domain_name`); of an array its first entry; undefined where absent. */
  get(header: string): string | undefined;
  /**
   * To be called by whoever holds the event beyond the call in which it was handed on: from then on its memory is its own. Absent where
   * it always is.
   */
  keep?(): void;
}

/**
 * Why bytes of a switch could not be understood. `torn`: a frame cut short by the header of another; `garbage`: bytes where a
 * frame header should stand; `bad-header`: a header line without a colon, with a stray `%`, or a length that is no number;
 * `half-frame`: bytes left at the end of the connection, which is normal when the switch goes away in the middle of a frame.
 */
export type Malformed =
  | 'torn' | 'garbage' | 'bad-header' | 'oversize' | 'half-frame'
  | 'bad-json' | 'no-event-name' | 'unknown-content-type';

/** Fields of one log line: ids, counts, durations in ms, error codes. Never a token, a key, a password or a body. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** One line per unit of work: a short message that names it, and fields. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to every line. */
  child(fields: LogFields): Logger;
}

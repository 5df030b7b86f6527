/** One thing that is wrong with the configuration. */
export interface Fault {
  /** The key by its dot path; for what belongs to no key, the environment variable or the file. */
  readonly key: string;
  /** What was given, as JSON; masked where it is or may be a secret, '' where there is none. */
  readonly value: string;
  /** What would be right, or where the fault is. */
  readonly problem: string;
  /** The file or the environment variable that said it. */
  readonly from: string;
}

/** The configuration cannot be used. `faults` has everything that is wrong with it; the message lists it, a line each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly faults: readonly Fault[]) {
    const lines = faults.map(({ key, value, problem, from }) => `  ${key}${value && ` = ${value}`}${from && from !== key ? ` (${from})` : ''} ${problem}`);
    super(`The configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${lines.join('\n')}`);
  }
}

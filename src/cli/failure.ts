import { CommanderError } from 'commander';
import { ConfigError } from '../config.js';
import { maskUrls } from '../secrets.js';

/** Why a command did not do what it was asked, for programs that read `--json`. */
export type FailureCode = 'failure' | 'usage' | 'configuration' | 'not-found' | 'database-unreachable';

/** The exit code of each; 0 is success. The help of `hookswitch` lists them. */
export const EXIT: Readonly<Record<FailureCode, number>> = { failure: 1, usage: 2, configuration: 2, 'not-found': 3, 'database-unreachable': 4 };

/** A command cannot go on, for a reason that the operator can mend; the message says how. */
export class CommandError extends Error {
  override readonly name = 'CommandError';

  constructor(readonly code: FailureCode, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** What to tell about anything that was thrown; secrets in URLs are masked. An error of our own making keeps its causes, or nobody could mend it. */
export function describeFailure(error: unknown): { code: FailureCode; message: string } {
  if (error instanceof CommanderError) {
    return { code: 'usage', message: error.code === 'commander.help' ? 'A command is missing; --help lists them' : error.message.replace(/^error: /, '') };
  }
  if (error instanceof ConfigError) return { code: 'configuration', message: error.message };
  if (error instanceof CommandError) return { code: error.code, message: maskUrls(error.message) };
  return { code: 'failure', message: maskUrls(withCauses(error, 5)) };
}

/** The message and those of its causes; Node reports a failed connection as several errors without a message of their own. */
function withCauses(error: unknown, depth: number): string {
  if (!(error instanceof Error)) return String(error);
  const causes: unknown[] = error instanceof AggregateError ? error.errors : error.cause === undefined ? [] : [error.cause];
  const told = depth > 1 ? causes.map((cause) => withCauses(cause, depth - 1)).join(', ') : '';
  return [error.message || error.name, told].filter((text) => text !== '').join(': ');
}

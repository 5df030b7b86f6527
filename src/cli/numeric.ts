import { CommandError } from './failure.js';

/** The number that an option was given, within bounds. @throws CommandError `usage`. */
export function numberOf(option: string, given: string, { least, most, whole = false }: { least: number; most: number; whole?: boolean }): number {
  const value = /^\d+(\.\d+)?$/.test(given) ? Number(given) : NaN;
  if (!(value >= least && value <= most) || (whole && !Number.isInteger(value))) {
    throw new CommandError('usage', `${option} must be a ${whole ? 'whole ' : ''}number from ${least} to ${most}, not ${JSON.stringify(given)}`);
  }
  return value;
}

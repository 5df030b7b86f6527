import type { Instruction } from './outcome.js';

/** The header of an answer in which a receiver asks for more than its status says. */
export const INSTRUCTION_HEADER = 'webhook-delivery';

/** What the value of that header asks for; undefined where that is nothing we know. Case and blanks around it do not matter. */
export function instructionOf(value: string | string[] | undefined): Instruction | undefined {
  if (typeof value !== 'string') return undefined;
  const asked = value.trim().toLowerCase();
  return asked === 'disable' || asked === 'abort-message' ? asked : undefined;
}

import type { Line } from '../support/daemon.js';
import type { Count } from './tally.js';

/** How one scenario went. */
export type Outcome =
  | { name: string; kind: 'passed' | 'failed'; count?: Count; problems: readonly string[]; log?: readonly Line[] }
  | { name: string; kind: 'skipped'; reason: string };

const COLUMNS = ['sent', 'received', 'lost', 'duplicated', 'out of order', 'strange', 'synthetic', 'renamed', 'p99 ms'] as const;
const WIDTH = 40;

/** One line for a scenario, and under a failed one what was wrong. */
export function lineOf(outcome: Outcome): string {
  if (outcome.kind === 'skipped') return `${outcome.name.padEnd(WIDTH)} skipped: ${outcome.reason}`;
  const values = valuesOf(outcome.count).map((value, index) => `${COLUMNS[index]} ${value}`).join('  ');
  const line = `${outcome.name.padEnd(WIDTH)} ${values}  ${outcome.kind === 'passed' ? 'pass' : 'FAIL'}`;
  return outcome.kind === 'passed' ? line : [line, ...outcome.problems, ...complaintsIn(outcome.log ?? [])].join('\n    ');
}

/** All scenarios under each other. */
export function table(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome) => (outcome.kind === 'skipped' ? [outcome.name, ...COLUMNS.map(() => '-'), 'skipped']
    : [outcome.name, ...valuesOf(outcome.count), outcome.kind === 'passed' ? 'pass' : 'FAIL']));
  return ['', ['', ...COLUMNS, ''], ...rows].map((row) => (row === '' ? '' : [...row].map((cell, index) => (index === 0 ? cell.padEnd(WIDTH) : cell.padStart(13))).join(''))).join('\n');
}

function valuesOf(count: Count | undefined): string[] {
  if (count === undefined) return COLUMNS.map(() => '-');
  const { sent, received, lost, duplicated, outOfOrder, strange, synthetic, renamed, p99Ms } = count;
  return [sent, received, lost, duplicated, outOfOrder, strange, synthetic, renamed, Math.round(p99Ms)].map(String);
}

/** What the daemons complained of, each thing once. */
function complaintsIn(log: readonly Line[]): string[] {
  const counts = new Map<string, number>();
  for (const { level, message, ...fields } of log) {
    delete fields['timestamp'];
    if (level !== 'warn' && level !== 'error') continue;
    const text = `${level} ${message} ${JSON.stringify(fields)}`.slice(0, 300);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return [...counts].slice(0, 15).map(([text, times]) => `the daemon said${times > 1 ? ` (${times} times)` : ''}: ${text}`);
}

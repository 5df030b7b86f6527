import type { Queryable } from '../db/pool.js';

/** What a command has to say: one JSON object for programs, and the same as text for people. */
export interface Answer {
  readonly json: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** What a command does once the database is open. What it was asked is checked before: a slip of the pen needs no database to be told. */
export type Work = (db: Queryable) => Promise<Answer>;

/** Rows under their headings, in columns; `empty` where there is none. What is not there is shown as "-". */
export function table(headings: readonly string[], rows: readonly (readonly (string | null)[])[], empty: string): string {
  if (rows.length === 0) return empty;
  const lines = [headings, ...rows].map((row) => row.map((cell) => printable(cell || '-')));
  const widths = headings.map((_heading, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd()).join('\n');
}

/** A cell may come from a tenant, and a terminal obeys control characters. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '?');
}

import type { Logger } from '../log.js';
import type { Metrics } from '../metrics.js';
import type { Skipped } from './plan.js';

/** Lines about single rows at one look; a table that is bad throughout would fill the log. */
const MOST_LINES = 20;

/** Counts the rows that could not be taken, and names each once for each reason; one that was mended and breaks again is named again. */
export function createSkippedReport(log: Logger, metrics: Pick<Metrics, 'sourceSkipped'>): (skipped: readonly Skipped[]) => void {
  let told = new Set<string>();
  return (skipped) => {
    for (const what of ['domain', 'subscription'] as const) metrics.sourceSkipped.set({ what }, skipped.filter((row) => row.what === what).length);
    const fresh = skipped.filter((row) => !told.has(keyOf(row)));
    told = new Set(skipped.map(keyOf));
    for (const { what, id, reason } of fresh.slice(0, MOST_LINES)) log.warn('a row of FusionPBX cannot be taken over', { what, id, reason });
    if (fresh.length > MOST_LINES) log.warn('more rows of FusionPBX cannot be taken over', { rows: fresh.length - MOST_LINES });
  };
}

const keyOf = ({ what, id, reason }: Skipped) => `${what} ${id} ${reason}`;

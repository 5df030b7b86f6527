import type { Timing } from '../webhook/outcome.js';
import type { Moment } from './span.js';

/**
 * When the phases of a POST that began at `startMs` were over. Only their lengths are measured, so they stand one after another from its beginning:
 * what it waited for a free connection comes, seemingly, after them.
 */
export function momentsOf({ dnsMs, connectMs, tlsMs, firstByteMs, totalMs }: Timing, startMs: number): Moment[] {
  const phases = [['dns', dnsMs], ['connect', connectMs], ['tls', tlsMs], ['first_byte', firstByteMs]] as const;
  const moments: Moment[] = [];
  let sinceMs = 0;
  for (const [name, tookMs] of phases) {
    if (tookMs === undefined) continue;
    sinceMs = Math.min(sinceMs + tookMs, totalMs);
    moments.push({ name, atMs: startMs + sinceMs, tookMs });
  }
  return moments;
}

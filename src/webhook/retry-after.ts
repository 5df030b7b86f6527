/** The longest wait that a receiver can ask for; one that asks for a year has a bug, and its tenant would wait for it. */
const CEILING_MS = 24 * 3_600_000;

/**
 * `Retry-After` (RFC 9110, 10.2.3: seconds or a date) in milliseconds from `now`, at most a day. Undefined where the header
 * is absent or unreadable, or where the status gives it no meaning for us.
 */
export function retryAfterMs(status: number, header: string | undefined, now: Date): number | undefined {
  if (header === undefined || (status !== 429 && status !== 503)) return undefined;
  const waitMs = /^\d+$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - now.getTime();
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(waitMs, 0), CEILING_MS);
}

/** What version 2 of the body says around its `data`. */
export interface Envelope {
  /** The event. */
  readonly type: string;
  /** When it happened at the switch, microseconds since 1970. */
  readonly occurredAtUs: number;
  readonly synthetic?: string | undefined;
  readonly data: object;
}

/** The text of a version 2 body after its id: the same for each subscription, so it is made once. */
export function envelopeRest({ type, occurredAtUs, synthetic, data }: Envelope): string {
  return JSON.stringify({ type, occurred_at: rfc3339(occurredAtUs), ...(synthetic !== undefined && { synthetic }), data }).slice(1);
}

/** The whole body: `{"id":…,"type":…,"occurred_at":…,"data":{…}}`. */
export const envelope = (id: string, rest: string): string => head(id) + rest;

/**
 * Puts the sequence behind the id, as `"sequence":3`. It is known only once the delivery is in the outbox, and its body must not
 * change there. A body of version 1, which begins otherwise, is given back as it is.
 */
export function withSequence(body: string, id: string, sequence: number): string {
  const begins = head(id);
  return body.startsWith(`${begins}"type":`) ? `${begins}"sequence":${sequence},${body.slice(begins.length)}` : body;
}

const head = (id: string) => `{"id":${JSON.stringify(id)},`;

/** RFC 3339 in UTC, to the microsecond: `2026-11-22T11:28:07.456425Z`. */
function rfc3339(us: number): string {
  const ms = Math.floor(us / 1_000);
  return `${new Date(ms).toISOString().slice(0, -1)}${String(us - ms * 1_000).padStart(3, '0')}Z`;
}

import { createHash } from 'node:crypto';

/*
 * No id is made by chance: daemons that share a Postgres, and the lives of one, must write into the same trace and name the same parents, and a
 * delivery that one has stored another may send.
 */

/** 16 bytes in hex. By its id a flow is told from all others, also of another run of its switch: it is the uuid of its first leg. */
export const traceIdOf = (flowId: string): string => digest('trace', flowId).slice(0, 32);

/** 8 bytes in hex: one daemon's reading of one notice of a flow, which another may read as well. */
export const eventSpanId = (daemon: string, flowId: string, position: number): string => digest('event', daemon, flowId, position).slice(0, 16);

/** 8 bytes in hex: a delivery is committed once, by whichever daemon. */
export const appendSpanId = (deliveryId: string): string => digest('append', deliveryId).slice(0, 16);

/** 8 bytes in hex: an attempt has its number from the outbox. */
export const attemptSpanId = (deliveryId: string, attempt: number): string => digest('attempt', deliveryId, attempt).slice(0, 16);

const digest = (...parts: readonly (string | number)[]): string => createHash('sha256').update(JSON.stringify(parts)).digest('hex');

const RANDOM = { from: 18, digits: 13 };

/**
 * Whether a trace is one of the share (0 to 1) that is recorded. It follows from the trace's id, by its last seven bytes, as in OpenTelemetry's
 * consistent probability sampling ("Probability Sampling", to 52 of the 56 bits): all who trace the same share record the same traces.
 */
export function isSampled(traceId: string, share: number): boolean {
  return parseInt(traceId.slice(RANDOM.from, RANDOM.from + RANDOM.digits), 16) / 16 ** RANDOM.digits >= 1 - share;
}

/** The header of that name: W3C Trace Context, 3.2. */
export const traceparentOf = (traceId: string, spanId: string, sampled: boolean): string => `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;

import type { FlowRecord, NewDelivery } from '../db/outbox.js';
import type { Item, Promised } from './incoming.js';

/** One moment on both clocks: milliseconds since 1970, and `Clock.monotonicMs`, which ends with the process. */
export interface Moment { readonly wallMs: number; readonly monotonicMs: number }

/**
 * What is not believed of the time between two processes, which only the machine's clock tells: a clock that was set meanwhile must
 * not end what had just been told. So what still had as much to live has it again, and may be sent that much too late.
 */
const GRACE_MS = 60_000;

/** One item as a line of JSON. When its event was read goes unsaid, and how long it is worth sending is said in the machine's time. */
export function lineOf({ promises, flow }: Item, now: Moment): string {
  const deliveries = promises.map(({ delivery, ttlMs, expiresAtMs }) => {
    const leftMs = expiresAtMs === null ? null : expiresAtMs - now.monotonicMs;
    return { ...delivery, receivedAtMs: undefined, ttlMs, leftMs, expiresAtMs: leftMs === null ? null : leftMs + now.wallMs };
  });
  return `${JSON.stringify({ deliveries, flow })}\n`;
}

/** The item that such a line holds; undefined where it is none, in any of its fields. */
export function itemOf(line: string, now: Moment): Item | undefined {
  const value = parse(line);
  if (!isObject(value) || !Array.isArray(value['deliveries'])) return undefined;
  const promises = value['deliveries'].map((each) => promisedOf(each, now));
  const flow = value['flow'] === undefined ? undefined : flowOf(value['flow']);
  const isWhole = promises.every((promise) => promise !== undefined) && (flow !== undefined || value['flow'] === undefined);
  if (!isWhole || promises.length + (flow === undefined ? 0 : 1) === 0) return undefined;
  return { promises, ...(flow !== undefined && { flow }) };
}

type Fields = Record<string, unknown>;
type Check = (value: unknown) => boolean;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null;
const isText: Check = (value) => typeof value === 'string';
const isUuid: Check = (value) => isText(value) && UUID.test(value as string);
const isKey: Check = (value) => isText(value) && /^-?\d{1,19}$/.test(value as string);
const isCount: Check = (value) => Number.isInteger(value);
const isDay: Check = (value) => isText(value) && /^\d{4}-\d\d-\d\d$/.test(value as string) && isTime(value);
const isTime: Check = (value) => isText(value) && !Number.isNaN(Date.parse(value as string));
const or = (other: unknown, check: Check): Check => (value) => value === other || check(value);

const DELIVERY = {
  id: isUuid, lane: isKey, urlKey: isKey, url: isText, subscriptionId: isUuid, domainId: isUuid, event: isText, flowId: isText, callId: isText,
  position: isCount, body: isText, occurredAt: isTime, synthetic: or(undefined, isText), held: or(undefined, (value) => value === true),
  expiresAtMs: or(null, Number.isFinite),
  // An earlier version did not write these.
  flowDay: or(undefined, isDay), fromNumber: or(undefined, isText), toNumber: or(undefined, isText),
  ttlMs: or(undefined, or(null, isCount)), leftMs: or(undefined, or(null, Number.isFinite)),
};
const FLOW = { switchName: isText, flowId: isText, coreId: isText, position: isCount, state: or(null, isText) };

const holds = (fields: Fields, checks: Record<string, Check>) => Object.entries(checks).every(([name, check]) => check(fields[name]));

function promisedOf(value: unknown, now: Moment): Promised | undefined {
  if (!isObject(value) || !holds(value, DELIVERY)) return undefined;
  const { expiresAtMs, ttlMs, leftMs, ...fields } = value as Fields & { expiresAtMs: number | null; ttlMs?: number | null; leftMs?: number | null };
  const occurredAt = new Date(fields['occurredAt'] as string);
  const delivery = { flowDay: occurredAt.toISOString().slice(0, 10), fromNumber: '', toNumber: '', ...fields, occurredAt } as unknown as NewDelivery;
  if (expiresAtMs === null) return { delivery, ttlMs: null, expiresAtMs: null };
  const byClockMs = expiresAtMs - now.wallMs;
  const lifeMs = leftMs === undefined || leftMs === null ? byClockMs : Math.min(leftMs, Math.max(byClockMs, GRACE_MS));
  return { delivery, ttlMs: ttlMs ?? Math.max(0, Math.round(lifeMs)), expiresAtMs: now.monotonicMs + lifeMs };
}

function flowOf(value: unknown): FlowRecord | undefined {
  return isObject(value) && holds(value, FLOW) ? value as unknown as FlowRecord : undefined;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

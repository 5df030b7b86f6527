import type { FlowRecord, NewDelivery } from '../db/outbox.js';
import type { Item, Promised } from './incoming.js';

/** One item as a line of JSON. When its event was read goes unsaid: that clock ends with the process. */
export function lineOf({ promises, flow }: Item): string {
  const deliveries = promises.map(({ delivery, expiresAtMs }) => ({ ...delivery, receivedAtMs: undefined, expiresAtMs }));
  return `${JSON.stringify({ deliveries, flow })}\n`;
}

/** The item that such a line holds; undefined where it is none, in any of its fields. */
export function itemOf(line: string): Item | undefined {
  const value = parse(line);
  if (!isObject(value) || !Array.isArray(value['deliveries'])) return undefined;
  const promises = value['deliveries'].map(promisedOf);
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
const isTime: Check = (value) => isText(value) && !Number.isNaN(Date.parse(value as string));
const or = (other: unknown, check: Check): Check => (value) => value === other || check(value);

const DELIVERY = {
  id: isUuid, lane: isKey, urlKey: isKey, url: isText, subscriptionId: isUuid, domainId: isUuid, event: isText, flowId: isText, callId: isText,
  position: isCount, body: isText, occurredAt: isTime, synthetic: or(undefined, isText),
  expiresAtMs: or(null, Number.isFinite),
};
const FLOW = { switchName: isText, flowId: isText, coreId: isText, position: isCount, state: or(null, isText) };

const holds = (fields: Fields, checks: Record<string, Check>) => Object.entries(checks).every(([name, check]) => check(fields[name]));

function promisedOf(value: unknown): Promised | undefined {
  if (!isObject(value) || !holds(value, DELIVERY)) return undefined;
  const { expiresAtMs, ...fields } = value;
  const delivery = { ...fields, occurredAt: new Date(fields['occurredAt'] as string) } as NewDelivery;
  return { delivery, expiresAtMs: expiresAtMs as number | null };
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

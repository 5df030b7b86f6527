import type { DeliveryOfCall } from './answers.js';

/** One leg of a call as its webhooks told it, in milliseconds since 1970. A time that was not told is undefined. */
export interface LegShown {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly rangAt: number | undefined;
  readonly answeredAt: number | undefined;
  readonly endedAt: number | undefined;
}

/** What happened at one moment, and all that was sent about it. */
export interface Happening { readonly key: string; readonly event: string; readonly at: number; readonly legId: string; readonly deliveries: readonly DeliveryOfCall[] }

/** The legs in the order in which they were first told of; the `cdr` is about the whole call and makes none. Several subscriptions tell the same. */
export function legsOf(deliveries: readonly DeliveryOfCall[]): LegShown[] {
  const told = grouped(deliveries.filter(({ event }) => event === 'ringing' || event === 'answered' || event === 'hangup'), ({ call_id: id }) => id);
  return [...told].map(([id, of]) => {
    const at = (event: string) => of.filter((delivery) => delivery.event === event).map(({ occurred_at: moment }) => Date.parse(moment)).sort((one, other) => one - other)[0];
    return { id, from: of[0].from_number, to: of[0].to_number, rangAt: at('ringing'), answeredAt: at('answered'), endedAt: at('hangup') };
  });
}

/** What happened, in order, each with the webhooks that told it. */
export function happeningsOf(deliveries: readonly DeliveryOfCall[]): Happening[] {
  const told = grouped(deliveries, ({ call_id: id, event, occurred_at: at }) => `${id} ${event} ${at}`);
  return [...told].map(([key, of]) => ({ key, event: of[0].event, at: Date.parse(of[0].occurred_at), legId: of[0].call_id, deliveries: of })).sort((one, other) => one.at - other.at);
}

/** From the first thing that was told to the last; for a call that goes on, until `nowMs`. */
export function spanOf(legs: readonly LegShown[], nowMs: number): { fromMs: number; toMs: number } {
  const times = legs.flatMap(({ rangAt, answeredAt, endedAt }) => [rangAt, answeredAt, endedAt].filter((at) => at !== undefined));
  const fromMs = Math.min(...times, nowMs);
  const goesOn = legs.some(({ endedAt }) => endedAt === undefined);
  const lastMs = times.length === 0 ? nowMs : Math.max(...times);
  // What was never told to have ended, and is long past, is not drawn until today.
  return { fromMs, toMs: Math.max(goesOn && nowMs - lastMs < DAY_MS ? nowMs : lastMs, fromMs + 1_000) };
}

const DAY_MS = 86_400_000;

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, [T, ...T[]]> {
  const groups = new Map<string, [T, ...T[]]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]); else group.push(item);
  }
  return groups;
}

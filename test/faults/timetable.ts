import { TENANTS, type Call } from './call.js';
import { uuidOf, type Chance } from './chance.js';
import type { Score } from './score.js';

export interface Load {
  readonly calls: number;
  /** Calls that begin in a second. */
  readonly perSecond: number;
  /** How much faster than recorded each call runs. */
  readonly speed: number;
  /** Whose calls they are, by turns; eight by default. */
  readonly tenants?: number;
  /** Only calls that last so long, in milliseconds. */
  readonly lasting: readonly [leastMs: number, mostMs: number];
}

/** One event's turn. */
export interface Turn { readonly atMs: number; readonly call: Call; readonly event: number }

/** Many calls side by side, and every event's turn in order of time. */
export interface Timetable { readonly calls: readonly Call[]; readonly turns: readonly Turn[] }

/** A timetable that begins now. The same seed gives the same one, but for the time of day. */
export function timetableOf(scores: readonly Score[], { calls: count, perSecond, speed, tenants = TENANTS, lasting: [leastMs, mostMs] }: Load, chance: Chance, seed: string): Timetable {
  const nowMs = Date.now();
  const chosen = scores.filter(({ events }) => events.at(-1)!.atMs >= leastMs && events.at(-1)!.atMs <= mostMs);
  const calls = Array.from({ length: count }, (_, index) => {
    const score = chosen[Math.floor(chance() * chosen.length)]!;
    const startMs = (index + chance()) * (1_000 / perSecond);
    const recordedS = Math.floor(score.events[0]!.timestampUs / 1_000_000);
    return {
      index, tenants, score, startMs, shiftS: Math.floor((nowMs + startMs) / 1_000) - recordedS, sequences: [] as number[],
      uuid: (old: string) => uuidOf(`${seed} ${index} ${old}`), playedAt: score.events.map((): number | undefined => undefined), cut: false,
    };
  });
  const turns = calls.flatMap((call) => call.score.events.map(({ atMs }, event) => ({ atMs: call.startMs + atMs / speed, call, event })));
  turns.sort((a, b) => a.atMs - b.atMs || a.call.index - b.call.index || a.event - b.event);
  number(turns);
  return { calls, turns };
}

/** Numbered as one switch numbers them: upwards over all calls, and within a call in disorder where the recording is. */
function number(turns: readonly { call: Call & { sequences: number[] } }[]): void {
  const free = new Map<Call & { sequences: number[] }, number[]>();
  turns.forEach(({ call }, index) => { free.set(call, [...free.get(call) ?? [], 1_000 + index]); });
  for (const [call, numbers] of free) {
    const { events } = call.score;
    const inOrder = events.map((_, event) => event).sort((a, b) => events[a]!.sequence - events[b]!.sequence);
    inOrder.forEach((event, rank) => { call.sequences[event] = numbers[rank]!; });
  }
}

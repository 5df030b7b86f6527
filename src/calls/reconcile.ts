import { flowsOf, type Families } from './families.js';
import { noticeMany, type Flow } from './flow.js';
import type { HangUp, Leg } from './leg.js';
import type { Synthetic } from './notice.js';
import type { CallRules } from './rules.js';
import type { ChannelRow, Sighting } from './sighting.js';

/**
 * Which of the channels that are up have to be looked at: those not known, those that may have been answered, and those
 * that show a transfer or belong to a flow of which a leg has gone. Oldest first.
 */
export function channelsToSight(families: Families, rows: readonly ChannelRow[]): string[] {
  const up = new Set(rows.map((row) => row['uuid']));
  const broken = new Set([...families.legs.values()].filter((leg) => !leg.completed && !up.has(leg.id)).flatMap(flowsOf));
  return rows
    .filter((row) => isNews(families, row, broken))
    .sort((a, b) => Number(a['created_epoch'] ?? 0) - Number(b['created_epoch'] ?? 0))
    .flatMap((row) => row['uuid'] ?? []);
}

function isNews(families: Families, row: ChannelRow, broken: ReadonlySet<Flow>): boolean {
  const leg = families.legs.get(row['uuid'] ?? '');
  if (!leg?.flow || !leg.answered || flowsOf(leg).some((flow) => broken.has(flow))) return true;
  const other = row['call_uuid'] && row['call_uuid'] !== leg.id ? families.legs.get(row['call_uuid']) : leg;
  return !other || !flowsOf(leg).some((flow) => flowsOf(other).includes(flow));
}

/**
 * Makes up for missed events: legs are born, answered and bridged in the order in which that happened. What a later event tells
 * counts more, for its sequence is higher.
 */
export function takeSightings(families: Families, sightings: readonly Sighting[], rules: CallRules): void {
  const present = new Set(sightings.map(({ leg }) => leg.id));
  const base = Math.min(...sightings.map(({ born }) => born.sequence));
  const facts = sightings.flatMap((sighting) => factsOf(families, sighting, present)).sort((a, b) => a.atUs - b.atUs);
  // Between two numbers of the switch there is room for a million facts.
  facts.forEach(({ happen }, index) => happen(base + index / 1_000_000));
  for (const flow of new Set(sightings.flatMap(({ leg }) => families.legs.get(leg.id)?.flow ?? []))) judgePickUp(flow, rules);
}

/** Whether an application picked up was judged by what had been heard; of a flow that has said nothing yet it can be judged by the times. */
export function judgePickUp(flow: Flow, rules: CallRules): void {
  const { root, callees } = flow;
  const { answered } = root;
  if (!answered || flow.announced.length > 0) return;
  root.answeredAlone = !callees.some(({ born }) => born.atUs <= answered.atUs);
  flow.many = false;
  noticeMany(flow, rules);
}

interface Fact { readonly atUs: number; readonly happen: (sequence: number) => void }

function factsOf(families: Families, { leg: seen, born, answeredUs, bridged, ended }: Sighting, present: ReadonlySet<string>): Fact[] {
  const creatorIsGone = born.parentId !== undefined && !present.has(born.parentId) && !families.legs.has(born.parentId);
  const other = bridged && (present.has(bridged.otherId) || families.legs.has(bridged.otherId)) ? bridged : undefined;
  // The rest of a call that is over: by itself it would be taken for another one.
  if (creatorIsGone && ended && !other && !families.legs.get(seen.id)?.born) return [];
  const leg = families.meet(seen.id, seen.firstSeenMs);
  const facts: Fact[] = [{ atUs: born.atUs, happen: (sequence) => {
    merge(leg, seen);
    if (creatorIsGone) families.bearOrphan(leg, { ...born, sequence });
    else families.bear(leg, { ...born, sequence });
    families.touch(leg);
  } }];
  if (answeredUs !== undefined) {
    facts.push({ atUs: answeredUs, happen: (sequence) => {
      if (!leg.answered) { leg.answered = { atUs: answeredUs, sequence }; families.pickUp(leg); }
      families.touch(leg);
    } });
  }
  if (other) facts.push({ atUs: other.atUs, happen: (sequence) => { families.connect(leg, families.meet(other.otherId, seen.firstSeenMs), { atUs: other.atUs, sequence }); } });
  return facts;
}

/** Takes over what the dump says about a leg, unless an event has told something newer. */
function merge(leg: Leg, seen: Leg): void {
  leg.inbound = seen.inbound;
  leg.coreId ||= seen.coreId;
  for (const [name, { value, sequence }] of seen.variables) if (sequence > leg.variables.sequenceOf(name)) leg.variables.hear(name, value, sequence);
  if (seen.direction) leg.direction ??= seen.direction;
  if (seen.destination && (leg.destination?.sequence ?? -1) < seen.destination.sequence) leg.destination = seen.destination;
  if (seen.context && (leg.context?.sequence ?? -1) < seen.context.sequence) leg.context = seen.context;
}

/** What is missing by a survey of the switch. */
export interface Missing {
  /** Every channel that was up when it was asked. */
  readonly up: ReadonlySet<string>;
  /** On `Clock.monotonicMs`: what was seen for the first time since then is not missing. */
  readonly sinceMs: number;
  /** Until when the switch was heard, microseconds: a leg that is gone was still up then. */
  readonly heardUs: number;
  readonly why: Synthetic;
}

/** Ends a leg that is gone although nobody told it: no earlier than anything known of it, at `atUs` as far as that allows. */
export function concludeEnd(leg: Leg, atUs: number, synthetic: Synthetic): void {
  const latest = Math.max(atUs, leg.born?.atUs ?? 0, leg.answered?.atUs ?? 0, ...leg.joined.flatMap((flow) => flow.joined.filter((joined) => joined.leg === leg).map((joined) => joined.at.atUs)));
  const end: HangUp = { atUs: latest, sequence: Number.MAX_SAFE_INTEGER, cause: '', synthetic };
  leg.hungUp ??= end;
  leg.completed ??= { atUs: leg.hungUp.atUs, sequence: end.sequence };
  leg.destroyed ??= leg.hungUp;
}

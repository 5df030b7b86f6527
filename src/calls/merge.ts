import { announcedAs, type BornLeg, type Flow } from './flow.js';
import { NONE, type Dated, type Leg } from './leg.js';
import { addRecordings } from './recordings.js';

/**
 * Adds to a flow what another daemon knows of it: legs, facts and announcements that are missing here. What is known here stays.
 * `told` is the other's knowledge, with legs of its own; `legs` are those known here by now. Returns the legs that are new here.
 */
export function mergeFlow(flow: Flow, told: Flow, legs: ReadonlyMap<string, Leg>): BornLeg[] {
  const fresh: BornLeg[] = [];
  const ours = (theirs: BornLeg): BornLeg => {
    const known = legs.get(theirs.id);
    if (known) return fill(known, theirs);
    if (!fresh.includes(theirs)) fresh.push(theirs);
    return theirs;
  };
  for (const theirs of told.legs) {
    const leg = ours(theirs);
    if (leg === theirs || !leg.flow) place(flow, leg);
  }
  for (const { leg: theirs, at } of told.joined) {
    const leg = ours(theirs);
    if (leg === theirs) leg.joined = NONE;
    if (flow.joined.some((joined) => joined.leg === leg)) continue;
    flow.joined = flow.joined.concat({ leg, at });
    leg.joined = leg.joined.concat(flow);
  }
  for (const announced of told.announced) {
    const known = announcedAs(flow, announced.leg.id);
    if (!known) { flow.announced = flow.announced.concat({ ...announced, leg: ours(announced.leg) }); continue; }
    known.answered ||= announced.answered;
    known.hungUp ||= announced.hungUp;
  }
  flow.many ||= told.many;
  flow.position = Math.max(flow.position, told.position);
  if (told.frozen) flow.frozen ??= told.frozen;
  if (told.domain !== undefined) flow.domain ??= told.domain;
  if (told.told) flow.told ??= told.told;
  const byRank = (a: BornLeg, b: BornLeg) => rank(flow, a) - rank(flow, b);
  [flow.legs, flow.callees] = [flow.legs.toSorted(byRank), flow.callees.toSorted(byRank)];
  return fresh;
}

const rank = (flow: Flow, leg: BornLeg) => (leg === flow.root ? -Infinity : leg.born.sequence);

function place(flow: Flow, leg: BornLeg): void {
  leg.flow = flow;
  flow.legs = flow.legs.concat(leg);
  if (leg !== flow.root && !leg.born.loopback) flow.callees = flow.callees.concat(leg);
}

/** Gives a leg the facts that only the other daemon has heard. */
function fill(leg: Leg, theirs: BornLeg): BornLeg {
  const { born, answered, answeredBy, hungUp, completed, destroyed, recordedTo, recordings, direction, destination, context } = theirs;
  if (answered && !leg.answered) { leg.answered = answered; leg.answeredAlone = theirs.answeredAlone; }
  if (answeredBy) leg.answeredBy ??= answeredBy;
  if (hungUp) leg.hungUp ??= hungUp;
  if (completed) leg.completed ??= completed;
  if (destroyed) leg.destroyed ??= destroyed;
  if (recordedTo) leg.recordedTo ??= recordedTo;
  if (recordings) leg.recordings ??= recordings;
  addRecordings(leg, theirs);
  if (direction && !(leg.direction && leg.direction.sequence <= direction.sequence)) leg.direction = direction;
  if (isLater(destination, leg.destination)) leg.destination = destination;
  if (isLater(context, leg.context)) leg.context = context;
  for (const [name, { value, sequence }] of theirs.variables) if (sequence > leg.variables.sequenceOf(name)) leg.variables.hear(name, value, sequence);
  leg.coreId ||= theirs.coreId;
  if (!leg.born) { leg.born = born; leg.inbound = theirs.inbound; }
  return leg as BornLeg;
}

const isLater = (told: Dated | undefined, known: Dated | undefined): told is Dated => told !== undefined && told.sequence > (known?.sequence ?? -1);

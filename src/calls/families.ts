import { adopt, directionOf, isUpAt, newFlow, noticeMany, type BornLeg, type Flow } from './flow.js';
import { newLeg, NONE, type Birth, type Leg, type Moment } from './leg.js';
import type { CallRules } from './rules.js';

/** Which legs there are and which flows they belong to; says nothing and knows no time. */
export class Families {
  readonly #rules: CallRules;
  readonly #legs = new Map<string, Leg>(); // in order of first sight
  readonly #open = new Set<Flow>();
  readonly #waiting = new Map<string, BornLeg[]>(); // by the parent whose CREATE they wait for
  readonly #touched = new Set<Flow>();

  constructor(rules: CallRules) {
    this.#rules = rules;
  }

  /** Every leg in memory, the one seen first first. */
  get legs(): ReadonlyMap<string, Leg> { return this.#legs; }

  /** Flows that have begun and not ended. */
  get open(): ReadonlySet<Flow> { return this.#open; }

  /** Flows changed since the last call: they may have something new to say. */
  takeTouched(): Flow[] {
    const flows = [...this.#touched];
    this.#touched.clear();
    return flows;
  }

  touch(leg: Leg): void {
    if (leg.flow) this.#touched.add(leg.flow);
    for (const flow of leg.joined) this.#touched.add(flow);
  }

  /** The leg of that id, new if it was not known. */
  meet(id: string, nowMs: number): Leg {
    const leg = this.#legs.get(id) ?? newLeg(id, nowMs);
    this.#legs.set(id, leg);
    return leg;
  }

  /** The leg's CREATE has come, or was made up for: finds its flow, and that of all legs that waited for it. */
  bear(leg: Leg, born: Birth): void {
    if (leg.born) return;
    this.#place(Object.assign(leg, { born }));
  }

  /** As `bear`, for a leg whose creator is gone and was never known. */
  bearOrphan(leg: Leg, born: Birth): void {
    if (leg.born) return;
    this.#begin(Object.assign(leg, { born }), true);
    this.touch(leg);
  }

  /**
   * Of these legs some may have been taken for roots of flows of their own, and now they belong to `flow`. Such flows, as long as
   * they have said nothing, are no more; returns their legs.
   */
  dissolve(legIds: readonly string[], flow: Flow): BornLeg[] {
    const mistaken = legIds.flatMap((id) => this.#legs.get(id)?.flow ?? []).filter((other) => other !== flow && !other.closed && other.announced.length === 0 && legIds.includes(other.id));
    const legs = [...new Set(mistaken)].flatMap((other) => { this.close(other); return other.legs; });
    for (const leg of legs) delete leg.flow;
    return legs;
  }

  /** Takes in a flow that became known as a whole, with legs that are new or belong nowhere, and whatever waited for them. */
  admit(flow: Flow, legs: readonly BornLeg[]): void {
    this.#open.add(flow);
    for (const leg of legs) this.#legs.set(leg.id, leg);
    for (const leg of legs) if (!flowsOf(leg).length) this.#place(leg);
    for (const leg of flow.legs) this.#welcome(leg);
    this.#touched.add(flow);
  }

  /** The leg was answered; a root that is answered before any callee leg is known was picked up by an application. */
  pickUp(leg: Leg): void {
    const callees = [...(leg.flow?.callees ?? []), ...(this.#waiting.get(leg.id) ?? []).filter((child) => !child.born.loopback)];
    if (callees.length === 0 && (!leg.flow || leg.flow.root === leg)) leg.answeredAlone = true;
  }

  /**
   * CHANNEL_BRIDGE connected two legs. A leg of another flow joins the older of the flows whose root is still up, if
   * extensions are announced one by one there. Waits for legs whose CREATE is not known yet.
   */
  connect(a: Leg, b: Leg, at: Moment): void {
    const unplaced = [a, b].find((leg) => !leg.flow);
    if (unplaced) { unplaced.bridges = unplaced.bridges.concat({ other: unplaced === a ? b : a, at }); return; }
    const [ofA, ofB] = [flowsOf(a), flowsOf(b)];
    if (ofA.some((flow) => ofB.includes(flow))) return;
    const [target] = [...ofA, ...ofB].filter((flow) => isUpAt(flow, at.atUs)).sort(byAge);
    if (target) this.#join(target, (ofA.includes(target) ? b : a) as BornLeg, at);
  }

  close(flow: Flow): void {
    flow.closed = true;
    this.#open.delete(flow);
  }

  /** Lets go of a leg; later events of it open nothing. */
  forget(leg: Leg): void {
    if (this.#legs.get(leg.id) === leg) this.#legs.delete(leg.id);
    const parentId = leg.born?.parentId ?? '';
    const siblings = this.#waiting.get(parentId)?.filter((other) => other !== leg);
    if (siblings?.length) this.#waiting.set(parentId, siblings);
    else this.#waiting.delete(parentId);
  }

  #place(leg: BornLeg): void {
    const { parentId } = leg.born;
    const parent = parentId === undefined ? undefined : this.#legs.get(parentId);
    if (parentId !== undefined && !parent?.flow) {
      this.#waiting.set(parentId, [...(this.#waiting.get(parentId) ?? []), leg]);
      return;
    }
    if (parent?.flow && mayTakeIn(parent.flow, leg)) adopt(parent.flow, leg, this.#rules);
    else this.#begin(leg, parent !== undefined);
    this.touch(leg);
    this.#welcome(leg);
  }

  /** What waited for a leg to be placed. */
  #welcome(leg: BornLeg): void {
    const children = this.#waiting.get(leg.id) ?? [];
    this.#waiting.delete(leg.id);
    for (const child of children) if (!child.flow) this.#place(child);
    const { bridges } = leg;
    leg.bridges = NONE;
    for (const { other, at } of bridges) this.connect(leg, other, at);
  }

  #begin(root: BornLeg, orphan: boolean): void {
    root.flow = newFlow(root, orphan);
    this.#open.add(root.flow);
    noticeMany(root.flow, this.#rules);
  }

  #join(flow: Flow, leg: BornLeg, at: Moment): void {
    const direction = flow.frozen?.direction ?? directionOf(flow, this.#rules);
    if (leg.born.loopback || direction === 'outbound') return;
    flow.joined = flow.joined.concat({ leg, at });
    leg.joined = leg.joined.concat(flow);
    noticeMany(flow, this.#rules);
    this.#touched.add(flow);
    if (leg.flow?.orphan && leg.flow.root === leg) {
      this.close(leg.flow);
      this.#touched.add(leg.flow);
    }
  }
}

/** The flows that a leg speaks in: the one it was born into, then those that it was transferred into. */
export const flowsOf = (leg: Leg): readonly Flow[] => (leg.flow ? [leg.flow, ...leg.joined] : leg.joined);

/** A leg created after the root's end is not announced in that flow. */
function mayTakeIn(flow: Flow, leg: BornLeg): boolean {
  const end = flow.root.hungUp;
  if (flow.closed) return false;
  return !end || (leg.born.sighted ? leg.born.atUs <= end.atUs : leg.born.sequence < end.sequence);
}

const byAge = (a: Flow, b: Flow) => a.root.born.atUs - b.root.born.atUs || a.root.born.sequence - b.root.born.sequence;

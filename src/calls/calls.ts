import { announce, type Announcing } from './announce.js';
import { NOTHING_BESIDES, type Asked } from './asked.js';
import { deadlinesAfter, type Deadlines } from './deadlines.js';
import type { SwitchEvent } from './event.js';
import { Families, flowsOf } from './families.js';
import type { BornLeg, Flow } from './flow.js';
import { absorb, birthOf, NONE, type Leg } from './leg.js';
import { liveFlow, type LiveFlow } from './live.js';
import { mergeFlow } from './merge.js';
import type { Notice, Synthetic } from './notice.js';
import { TOLD_FIELDS } from './payload.js';
import { channelsToSight, concludeEnd, judgePickUp, takeSightings, type Missing } from './reconcile.js';
import type { CallRules } from './rules.js';
import { sightingOf, type ChannelRow, type Sighting } from './sighting.js';
import { keepFlow, restoreFlow, type FlowKept } from './snapshot.js';
import { stampIn } from './stamp.js';
import { watchedBy, type Watched } from './watched.js';
import { Waits } from './waits.js';

export interface CallsOptions {
  readonly switchName: string;
  readonly rules: CallRules;
  /** A tenant's domain as the tenant writes it, for a name in any case; undefined for nobody's. */
  readonly tenantOf: (name: string) => string | undefined;
  /** A flow ended and no event had named its tenant. */
  readonly unattributed: (flowId: string) => void;
  /** A flow was dropped since it never ended. */
  readonly dropped: (flowId: string) => void;
  /** Nothing unless given. */
  readonly asked?: Asked;
}

/** Understands the calls of one switch. Pure: events and the time go in, notices come out. */
export class Calls {
  readonly #options: CallsOptions;
  readonly #announcing: Announcing;
  readonly #watched: Watched;
  readonly #families: Families;
  readonly #waits: Waits;
  readonly #halfEnded: Deadlines<Leg>;
  readonly #remembered: Deadlines<Leg>;
  /** Flows with news since `takeKept`, and those of which something has been kept, with how many legs. */
  readonly #changed = new Set<Flow>();
  readonly #kept = new WeakMap<Flow, number>();
  /** Flows that have something to say and are held. */
  readonly #held = new Set<Flow>();
  #heldBeforeMs = -Infinity;

  constructor(options: CallsOptions) {
    const { rules } = options;
    this.#options = options;
    const { asked = NOTHING_BESIDES } = options;
    this.#announcing = { ...options, asked, stamp: stampIn(rules.timeZone) };
    this.#watched = watchedBy(rules, asked);
    this.#families = new Families(rules);
    this.#waits = new Waits(rules.cdr);
    this.#halfEnded = deadlinesAfter(rules.cdr.lingerMs);
    this.#remembered = deadlinesAfter(rules.rememberMs);
  }

  /** Flows that have begun and not ended. */
  get openFlows(): number { return this.#families.open.size; }

  /** The flows that are open, up to `most`, in the order in which they began to be known. */
  live(most: number): LiveFlow[] { return [...this.#families.open].slice(0, most).map((flow) => liveFlow(flow, this.#options.rules)); }

  /** Legs that are up as far as the events tell. */
  get legsUp(): number {
    let up = 0;
    for (const leg of this.#families.legs.values()) if (leg.born && !leg.destroyed) up += 1;
    return up;
  }

  /** Legs in memory, with those of ended flows that are still remembered. */
  get legsKnown(): number { return this.#families.legs.size; }

  /** Whether the flow has begun and not ended. */
  isOpen(flowId: string): boolean {
    const flow = this.#families.legs.get(flowId)?.flow;
    return flow !== undefined && this.#families.open.has(flow);
  }

  /** Takes in one event, in the order of the socket, and returns what it made known, in order. */
  accept(event: SwitchEvent): Notice[] {
    const { cdr } = this.#options.rules;
    if (cdr.subclass !== '' && event.name === 'CUSTOM' && event.subclass === cdr.subclass) this.#takeCdr(event);
    const id = event.get('Unique-ID');
    if (!id || !(isOfChannel(event) || this.#families.legs.has(id))) return this.#speak(event.receivedAtMs);
    const leg = this.#families.meet(id, event.receivedAtMs);
    const overdue = this.#expireBy(leg, event);
    this.#takeIn(leg, event);
    return [...overdue, ...this.#speak(event.receivedAtMs)];
  }

  /** What has become due by the clock (`Clock.monotonicMs`); to be called at `nextDueMs`, once the socket is drained. */
  tick(nowMs: number): Notice[] {
    for (const leg of this.#halfEnded.due(nowMs)) {
      if (leg.destroyed) leg.hungUp ??= leg.destroyed;
      this.#families.touch(leg);
    }
    for (const flow of this.#waits.over(nowMs)) this.#families.touch(flow.root);
    const notices = this.#speak(nowMs);
    for (const leg of this.#remembered.due(nowMs)) {
      // What the cdr waits for names its call by such a leg.
      if (leg.flow?.root.completed && this.#families.open.has(leg.flow)) this.#remembered.add(leg, nowMs);
      else this.#families.forget(leg);
    }
    this.#dropAged(nowMs);
    return notices;
  }

  /** When `tick` next has something to do; undefined while there is nothing. */
  nextDueMs(): number | undefined {
    const [oldest] = this.#families.legs.values();
    const aged = oldest && oldest.firstSeenMs + this.#options.rules.maxAgeMs;
    const times = [this.#waits, this.#halfEnded, this.#remembered].map((deadlines) => deadlines.nextMs());
    const due = [...times, aged].filter((at) => at !== undefined);
    return due.length === 0 ? undefined : Math.min(...due);
  }

  /** What is to be kept of the flows that have had news since the last call; in the same transaction as the news. */
  takeKept(): FlowKept[] {
    const kept = [...this.#changed].flatMap((flow): FlowKept[] => {
      if (flow.domain === undefined || (flow.closed && !this.#kept.has(flow))) return [];
      if (flow.closed) this.#kept.delete(flow);
      else this.#kept.set(flow, flow.legs.length);
      return [{ flowId: flow.id, domain: flow.domain, coreId: flow.root.coreId, position: flow.position, state: flow.closed ? null : keepFlow(flow) }];
    });
    this.#changed.clear();
    return kept;
  }

  /**
   * Takes back a flow that an earlier process kept, or takes over what another daemon knows of it. False where it cannot be read,
   * has ended, or tells nothing new.
   */
  restore(state: string, nowMs: number): boolean {
    // Seen first when the process began: before any link came up, so that a survey judges it.
    const told = restoreFlow(state, 0);
    if (!told) return false;
    const root = this.#families.legs.get(told.id);
    if (root?.flow && (root.flow.closed || root.flow.root !== root)) return false;
    const known = root?.flow;
    const flow = known ?? { ...told, root: (root ?? told.root) as BornLeg, legs: NONE, callees: NONE, joined: NONE, announced: NONE, position: 0 };
    const { position, legs: { length } } = flow;
    const completed = known?.root.completed;
    const strays = this.#families.dissolve(told.legs.map(({ id }) => id), flow);
    const fresh = mergeFlow(flow, told, this.#families.legs);
    this.#families.admit(flow, [...fresh, ...strays]);
    this.#kept.set(flow, flow.legs.length);
    if (flow.root.completed && !completed) this.#waits.begin(flow, nowMs);
    for (const leg of fresh) if (leg.destroyed) this.#remembered.add(leg, nowMs);
    return !known || flow.position > position || flow.legs.length > length;
  }

  /**
   * From now on nothing is said of flows first seen before `sinceMs`: something of them may have been missed, and what is told of
   * it later must come in its place. Until `release`.
   */
  hold(sinceMs: number): void {
    this.#heldBeforeMs = sinceMs;
  }

  /** Ends `hold`, and says what has become known meanwhile, in order. */
  release(nowMs: number): Notice[] {
    this.#heldBeforeMs = -Infinity;
    for (const flow of this.#held) {
      for (const leg of flow.legs) if (leg.answeredBy) leg.answered ??= leg.answeredBy;
      judgePickUp(flow, this.#options.rules);
      this.#families.touch(flow.root);
    }
    this.#held.clear();
    for (const leg of this.#families.legs.values()) if (leg.born) delete leg.lastHeard;
    return this.#speak(nowMs);
  }

  /** Which of the channels that are up must be dumped for `adopt`, oldest first. */
  toSight(rows: readonly ChannelRow[]): string[] {
    return channelsToSight(this.#families, rows);
  }

  /** What a channel's dump says; where it has ended meanwhile, what its last event said; undefined where none came. */
  sight(row: ChannelRow, dump: SwitchEvent | undefined): Sighting | undefined {
    const told = dump ?? this.#families.legs.get(row['uuid'] ?? '')?.lastHeard;
    return told && sightingOf(row, told, this.#options.rules, this.#watched, told.receivedAtMs);
  }

  /** Makes up for the missed events of channels that are up; says what they would have said so far. */
  adopt(sightings: readonly Sighting[], nowMs: number): Notice[] {
    takeSightings(this.#families, sightings, this.#options.rules);
    return this.#speak(nowMs);
  }

  /** Ends the legs that are gone although no event told so. To be called when what was on its way has had time to come. */
  endMissing({ up, sinceMs, heardUs, why }: Missing, nowMs: number): Notice[] {
    const gone = [...this.#families.legs.values()].filter((leg) => !up.has(leg.id) && leg.firstSeenMs < sinceMs && !isOver(leg));
    return this.#conclude(gone, heardUs, why, nowMs);
  }

  /** The switch runs anew: every leg seen before `sinceMs` (`Clock.monotonicMs`) has ended, and was up at `heardUs` still. */
  restarted(sinceMs: number, heardUs: number, nowMs: number): Notice[] {
    const gone = [...this.#families.legs.values()].filter((leg) => leg.firstSeenMs < sinceMs && !isOver(leg));
    return this.#conclude(gone, heardUs, 'switch_restart', nowMs);
  }

  #conclude(gone: readonly Leg[], heardUs: number, why: Synthetic, nowMs: number): Notice[] {
    for (const leg of gone) {
      concludeEnd(leg, heardUs, why);
      this.#remembered.add(leg, nowMs);
      if (leg.flow?.root === leg) this.#waits.begin(leg.flow, nowMs);
      this.#families.touch(leg);
    }
    return this.#speak(nowMs);
  }

  #takeIn(leg: Leg, event: SwitchEvent): void {
    const { rules } = this.#options;
    const { completed, destroyed, flow } = leg;
    absorb(leg, event, rules, this.#watched.always, this.#watched.now());
    if (event.name === 'CHANNEL_CREATE') this.#families.bear(leg, birthOf(event, rules));
    this.#remember(leg, event);
    if (event.name === 'CHANNEL_ANSWER') this.#families.pickUp(leg);
    if (event.name === 'CHANNEL_BRIDGE') this.#bridge(event);
    if (leg.completed && leg.flow?.root === leg && (!completed || !flow)) {
      this.#waits.begin(leg.flow, event.receivedAtMs);
      if (rules.cdr.recordingWaitMs > 0) this.#changed.add(leg.flow); // a wait that may be long outlives the process
    }
    if (leg.destroyed && !destroyed) {
      if (!leg.hungUp) this.#halfEnded.add(leg, event.receivedAtMs);
      this.#remembered.add(leg, event.receivedAtMs);
    }
    this.#families.touch(leg);
  }

  /** The last event of a leg that a survey may have to tell of. */
  #remember(leg: Leg, event: SwitchEvent): void {
    if (!leg.born || leg.firstSeenMs < this.#heldBeforeMs) {
      event.keep?.();
      leg.lastHeard = event;
    } else if (leg.lastHeard) {
      delete leg.lastHeard;
    }
  }

  #bridge(event: SwitchEvent): void {
    const a = event.get('Bridge-A-Unique-ID');
    const b = event.get('Bridge-B-Unique-ID');
    if (!a || !b || a === b) return;
    const meet = (id: string) => this.#families.meet(id, event.receivedAtMs);
    this.#families.connect(meet(a), meet(b), { atUs: event.timestampUs, sequence: event.sequence });
  }

  /** The PBX's own word that the CDR is stored. It names its call by any leg. */
  #takeCdr(event: SwitchEvent): void {
    const named = ['Unique-ID', 'variable_uuid', 'uuid', 'call_id'].map((header) => this.#families.legs.get(event.get(header) ?? ''));
    const flow = named.find((leg) => leg?.flow)?.flow;
    if (!flow) return;
    flow.told ??= new Map(TOLD_FIELDS.map((field) => [field, event.get(field) ?? '']));
    this.#families.touch(flow.root);
  }

  /** An event of the flow from after the linger shows, without waiting for the clock, that what is missing will not come in time. */
  #expireBy(leg: Leg, event: SwitchEvent): Notice[] {
    for (const flow of flowsOf(leg)) {
      const { completed } = flow.root;
      if (!completed || flow.closed || event.timestampUs <= completed.atUs + this.#options.rules.cdr.lingerMs * 1_000) continue;
      flow.lingerOver = true;
      this.#families.touch(leg);
    }
    return this.#speak(event.receivedAtMs);
  }

  #speak(nowMs: number): Notice[] {
    return this.#families.takeTouched().flatMap((flow) => {
      if (flow.root.firstSeenMs < this.#heldBeforeMs) {
        this.#held.add(flow);
        return [];
      }
      const notices = announce(flow, nowMs, this.#announcing);
      if (notices.length > 0 || this.#kept.get(flow) !== (flow.closed ? undefined : flow.legs.length)) this.#changed.add(flow);
      if (flow.closed) this.#families.close(flow);
      return notices;
    });
  }

  /** What never ended: a flow whose end was lost, or a leg whose CREATE was. */
  #dropAged(nowMs: number): void {
    for (const leg of this.#families.legs.values()) {
      if (leg.firstSeenMs + this.#options.rules.maxAgeMs > nowMs) return;
      if (leg.flow && this.#families.open.has(leg.flow)) {
        this.#families.close(leg.flow);
        this.#changed.add(leg.flow);
        this.#options.dropped(leg.flow.id);
      }
      this.#families.forget(leg);
    }
  }
}

/** All that can be told of its end is known. */
const isOver = (leg: Leg) => leg.hungUp !== undefined && leg.completed !== undefined;

const isOfChannel = (event: SwitchEvent) => event.name.startsWith('CHANNEL_') || event.name === 'RECORD_STOP';

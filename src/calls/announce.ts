import type { Told } from './fields.js';
import { directionOf, domainOf, firstAnswer, noticeMany, unfinished, voiceOf, type Announced, type BornLeg, type Flow, type Voice } from './flow.js';
import type { HangUp } from './leg.js';
import type { CallState, Notice, Synthetic } from './notice.js';
import { payloadOf } from './payload.js';
import type { CallRules } from './rules.js';

export interface Announcing {
  readonly switchName: string;
  readonly rules: CallRules;
  readonly stamp: (us: number | undefined) => string;
  readonly tenantOf: (name: string) => string | undefined;
  /** Called once for a flow that ended without any event naming its tenant. */
  readonly unattributed: (flowId: string) => void;
}

/** One webhook whose facts are all there, and its place among the flow's others. */
interface Due {
  readonly state: CallState;
  readonly leg: BornLeg;
  readonly atUs: number;
  readonly order: number;
  readonly synthetic?: Synthetic | undefined;
  readonly tell: () => void;
}

/** Takes everything that can be said of a flow by now, in the order in which it happened; closes the flow with its `cdr`. */
export function announce(flow: Flow, nowMs: number, by: Announcing): Notice[] {
  if (flow.closed) return [];
  noticeMany(flow, by.rules);
  const domain = flow.frozen?.domain ?? domainOf(flow, by.rules, by.tenantOf);
  if (domain !== undefined) flow.domain ??= domain;
  if (domain === undefined) {
    if (isOver(flow, by.rules)) { flow.closed = true; by.unattributed(flow.id); }
    return [];
  }
  const direction = flow.frozen?.direction ?? directionOf(flow, by.rules);
  const voice = flow.frozen?.voice ?? voiceOf(flow, direction, by.rules);
  const notices: Notice[] = [];
  const say = ({ state, leg, atUs, synthetic, tell }: Due) => {
    flow.frozen ??= { domain, direction, voice, startedUs: flow.root.born.atUs };
    tell();
    const notice = noticeOf({ flow, state, leg, domain, direction, voice }, atUs, nowMs, by);
    notices.push(synthetic ? { ...notice, synthetic } : notice);
  };
  for (const due of dueOf(flow, voice)) say(due);
  if (isOver(flow, by.rules)) {
    for (const announced of unfinished(flow)) say(ending(announced, flow.root.hungUp!));
    const { atUs, synthetic } = flow.root.hungUp!;
    say({ state: 'cdr', leg: flow.root, atUs, synthetic, order: Infinity, tell: () => { flow.closed = true; } });
  }
  return notices;
}

/** The root has ended and nothing is worth waiting for any more. */
function isOver(flow: Flow, rules: CallRules): boolean {
  if (!flow.root.hungUp || !flow.root.completed) return false;
  const custom = rules.cdr.subclass === '' || flow.told !== undefined || flow.waitOver;
  return custom && (flow.lingerOver || unfinished(flow).length === 0);
}

function dueOf(flow: Flow, voice: Voice): Due[] {
  const due = voice === 'each-leg' ? [...flow.callees.flatMap((leg) => dueOfCallee(flow, leg)), ...flow.joined.flatMap((joined) => dueOfJoined(flow, joined))]
    : dueOfOne(flow, voice);
  return due.sort((a, b) => a.order - b.order);
}

/** An outbound flow, or a rung root: one set of webhooks under the flow's id. */
function dueOfOne(flow: Flow, voice: Voice): Due[] {
  const { root } = flow;
  const rings = voice === 'rung-root' ? root : flow.callees[0];
  if (!rings) return [];
  const leg = voice === 'rung-root' ? root : rings;
  const answer = voice === 'rung-root' ? root.answered && { leg: root, at: root.answered } : firstAnswer(flow);
  const known = flow.announced.get(flow.id);
  const announced = known ?? { leg: root, callId: flow.id, started: root.born.atUs, answered: false, hungUp: false };
  const due: Due[] = [];
  let order = leg.born.sequence;
  if (!known) due.push({ state: 'ringing', leg, atUs: leg.born.atUs, order, tell: () => { flow.announced.set(flow.id, announced); } });
  if (answer && !announced.answered && !announced.hungUp) {
    order = Math.max(order, answer.at.sequence);
    due.push({ state: 'answered', leg: answer.leg, atUs: answer.at.atUs, order, tell: () => { announced.answered = true; } });
  }
  if (root.hungUp && !announced.hungUp) due.push({ ...ending(announced, root.hungUp), order: Math.max(order, root.hungUp.sequence) });
  return due;
}

function dueOfCallee(flow: Flow, leg: BornLeg): Due[] {
  const known = flow.announced.get(leg.id);
  const announced = known ?? { leg, callId: flow.many ? leg.id : flow.id, started: leg.born.atUs, answered: false, hungUp: false };
  // A leg with the flow's id shows the flow's start.
  const shown: Announced = known ?? { ...announced, started: flow.many ? leg.born.atUs : flow.root.born.atUs };
  return dueOfLeg(flow, shown, known === undefined, { ringing: leg.born, ...(leg.answered && { answered: leg.answered }) });
}

/** A leg that came by transfer rings and answers at once, with its bridge. */
function dueOfJoined(flow: Flow, { leg, at }: Flow['joined'][number]): Due[] {
  const known = flow.announced.get(leg.id);
  return dueOfLeg(flow, known ?? { leg, callId: leg.id, started: at.atUs, answered: false, hungUp: false }, known === undefined, { ringing: at, answered: at });
}

interface Moments { readonly ringing: { atUs: number; sequence: number }; readonly answered?: { atUs: number; sequence: number } }

function dueOfLeg(flow: Flow, announced: Announced, isNew: boolean, moments: Moments): Due[] {
  const { leg } = announced;
  const due: Due[] = [];
  let order = moments.ringing.sequence;
  if (isNew) due.push({ state: 'ringing', leg, atUs: moments.ringing.atUs, order, tell: () => { flow.announced.set(leg.id, announced); } });
  if (moments.answered && !announced.answered && !announced.hungUp) {
    order = Math.max(order, moments.answered.sequence);
    due.push({ state: 'answered', leg, atUs: moments.answered.atUs, order, tell: () => { announced.answered = true; } });
  }
  if (leg.hungUp && !announced.hungUp) due.push({ ...ending(announced, leg.hungUp), order: Math.max(order, leg.hungUp.sequence) });
  return due;
}

const ending = (announced: Announced, { atUs, sequence, synthetic }: HangUp): Due =>
  ({ state: 'hangup', leg: announced.leg, atUs, synthetic, order: sequence, tell: () => { announced.hungUp = true; } });

function noticeOf(told: Told, occurredAtUs: number, receivedAtMs: number, { switchName, rules, stamp }: Announcing): Notice {
  const { flow, state, leg, voice } = told;
  const asOne = voice !== 'each-leg' || state === 'cdr';
  const announced = flow.announced.get(asOne ? flow.id : leg.id);
  const callId = asOne ? flow.id : announced!.callId;
  const startedUs = asOne ? flow.root.born.atUs : announced!.started;
  flow.position += 1;
  return {
    switchName, flowId: flow.id, legId: leg.id, subjectId: asOne ? flow.id : leg.id, state, domain: told.domain,
    flowStartedUs: flow.frozen?.startedUs ?? flow.root.born.atUs, position: flow.position, occurredAtUs, receivedAtMs,
    payload: payloadOf(told, callId, startedUs, rules, stamp),
  };
}

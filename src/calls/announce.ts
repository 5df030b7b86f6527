import type { Asked } from './asked.js';
import { detailOf } from './detail.js';
import { isOfFlow, type Told } from './fields.js';
import { announcedAs, directionOf, domainOf, firstAnswer, noticeMany, ownEnd, unfinished, voiceOf, type Announced, type BornLeg, type Flow, type Voice } from './flow.js';
import type { HangUp, Moment } from './leg.js';
import { isMissed } from './missed.js';
import type { Notice, NoticeState, Synthetic } from './notice.js';
import { payloadOf } from './payload.js';
import { awaitsRecording, newRecordings, type Recorded } from './recordings.js';
import type { CallRules } from './rules.js';

export interface Announcing {
  readonly switchName: string;
  readonly rules: CallRules;
  readonly stamp: (us: number | undefined) => string;
  readonly tenantOf: (name: string) => string | undefined;
  /** Called once for a flow that ended without any event naming its tenant. */
  readonly unattributed: (flowId: string) => void;
  readonly asked: Asked;
}

/** One webhook whose facts are all there, and its place among the flow's others. */
interface Due {
  readonly state: NoticeState;
  readonly leg: BornLeg;
  readonly atUs: number;
  readonly order: number;
  readonly synthetic?: Synthetic | undefined;
  readonly recorded?: Recorded;
  readonly tell: () => void;
}

/** Takes everything that can be said of a flow by now, in the order in which it happened; closes the flow with its `cdr`, which only a `recording` may follow. */
export function announce(flow: Flow, nowMs: number, by: Announcing): Notice[] {
  if (flow.closed && (!flow.frozen || newRecordings(flow).length === 0)) return [];
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
  const say = ({ state, leg, atUs, synthetic, recorded, tell }: Due) => {
    tell();
    if (state === 'missed' || state === 'recording') { if (!by.asked.event(domain, state)) return; }
    else flow.frozen ??= { domain, direction, voice, startedUs: flow.root.born.atUs }; // what is told besides must not change the four
    const notice = noticeOf({ flow, state, leg, domain, direction, voice, recorded }, atUs, nowMs, by);
    notices.push(synthetic ? { ...notice, synthetic } : notice);
  };
  if (flow.closed) {
    dueRecordings(flow).forEach(say);
    return notices;
  }
  for (const due of dueOf(flow, voice, by.rules)) say(due);
  if (isOver(flow, by.rules)) {
    for (const announced of unfinished(flow)) say(ending(announced, flow.root.hungUp!));
    const { atUs, synthetic } = flow.root.hungUp!;
    const last = { leg: flow.root, atUs, synthetic, order: Infinity };
    if (isMissed(flow, direction, voice, by.rules)) say({ ...last, state: 'missed', tell: () => {} });
    say({ ...last, state: 'cdr', tell: () => { flow.closed = true; } });
  }
  return notices;
}

/** The root has ended and nothing is worth waiting for any more. */
function isOver(flow: Flow, rules: CallRules): boolean {
  if (!flow.root.hungUp || !flow.root.completed) return false;
  const custom = rules.cdr.subclass === '' || flow.told !== undefined || flow.waitOver;
  const recorded = rules.cdr.recordingWaitMs === 0 || flow.recordingOver || !awaitsRecording(flow);
  // One whose end is known and has not been told left after the linger.
  return custom && recorded && (flow.lingerOver || unfinished(flow).every(({ leg }) => leg.hungUp !== undefined));
}

function dueOf(flow: Flow, voice: Voice, rules: CallRules): Due[] {
  const due = voice === 'each-leg' ? [...flow.callees.flatMap((leg) => dueOfCallee(flow, leg, rules)), ...flow.joined.flatMap((joined) => dueOfJoined(flow, joined, rules))]
    : dueOfOne(flow, voice);
  return [...due, ...dueRecordings(flow)].sort((a, b) => a.order - b.order);
}

/** Every file once: it has had its turn also where nobody asked, so that who asks later is not told of the past. */
function dueRecordings(flow: Flow): Due[] {
  return newRecordings(flow).map((recorded) => ({
    state: 'recording', leg: flow.root, atUs: recorded.atUs, order: recorded.sequence, recorded, tell: () => { recorded.told = true; },
  }));
}

/** An outbound flow, or a rung root: one set of webhooks under the flow's id. */
function dueOfOne(flow: Flow, voice: Voice): Due[] {
  const { root } = flow;
  const rings = voice === 'rung-root' ? root : flow.callees[0];
  if (!rings) return [];
  const leg = voice === 'rung-root' ? root : rings;
  const answer = voice === 'rung-root' ? root.answered && { leg: root, at: root.answered } : firstAnswer(flow);
  const known = announcedAs(flow, flow.id);
  const announced = known ?? { leg: root, callId: flow.id, started: root.born.atUs, answered: false, hungUp: false };
  const due: Due[] = [];
  let order = leg.born.sequence;
  if (!known) due.push({ state: 'ringing', leg, atUs: leg.born.atUs, order, tell: () => { flow.announced = flow.announced.concat(announced); } });
  if (answer && !announced.answered && !announced.hungUp) {
    order = Math.max(order, answer.at.sequence);
    due.push({ state: 'answered', leg: answer.leg, atUs: answer.at.atUs, order, tell: () => { announced.answered = true; } });
  }
  if (root.hungUp && !announced.hungUp) due.push({ ...ending(announced, root.hungUp), order: Math.max(order, root.hungUp.sequence) });
  return due;
}

function dueOfCallee(flow: Flow, leg: BornLeg, rules: CallRules): Due[] {
  const known = announcedAs(flow, leg.id);
  const announced = known ?? { leg, callId: flow.many ? leg.id : flow.id, started: leg.born.atUs, answered: false, hungUp: false };
  // A leg with the flow's id shows the flow's start.
  const shown: Announced = known ?? { ...announced, started: flow.many ? leg.born.atUs : flow.root.born.atUs };
  return dueOfLeg(flow, shown, known === undefined, { ringing: leg.born, ...(leg.answered && { answered: leg.answered }), end: ownEnd(flow, leg, rules) });
}

/** A leg that came by transfer rings and answers at once, with its bridge. */
function dueOfJoined(flow: Flow, { leg, at }: Flow['joined'][number], rules: CallRules): Due[] {
  const known = announcedAs(flow, leg.id);
  return dueOfLeg(flow, known ?? { leg, callId: leg.id, started: at.atUs, answered: false, hungUp: false }, known === undefined, { ringing: at, answered: at, end: ownEnd(flow, leg, rules) });
}

interface Moments { readonly ringing: Moment; readonly answered?: Moment; readonly end: HangUp | undefined }

function dueOfLeg(flow: Flow, announced: Announced, isNew: boolean, moments: Moments): Due[] {
  const { leg } = announced;
  const due: Due[] = [];
  let order = moments.ringing.sequence;
  if (isNew) due.push({ state: 'ringing', leg, atUs: moments.ringing.atUs, order, tell: () => { flow.announced = flow.announced.concat(announced); } });
  if (moments.answered && !announced.answered && !announced.hungUp) {
    order = Math.max(order, moments.answered.sequence);
    due.push({ state: 'answered', leg, atUs: moments.answered.atUs, order, tell: () => { announced.answered = true; } });
  }
  const { end } = moments;
  if (end && !announced.hungUp) due.push({ ...ending(announced, end), order: Math.max(order, end.sequence) });
  return due;
}

const ending = (announced: Announced, { atUs, sequence, synthetic }: HangUp): Due =>
  ({ state: 'hangup', leg: announced.leg, atUs, synthetic, order: sequence, tell: () => { announced.hungUp = true; } });

function noticeOf(told: Told, occurredAtUs: number, receivedAtMs: number, { switchName, rules, stamp, asked }: Announcing): Notice {
  const { flow, state, leg, voice, recorded } = told;
  const asOne = voice !== 'each-leg' || isOfFlow(state);
  const announced = announcedAs(flow, asOne ? flow.id : leg.id);
  const callId = asOne ? flow.id : announced!.callId;
  const startedUs = asOne ? flow.root.born.atUs : announced!.started;
  flow.position += 1;
  return {
    switchName, flowId: flow.id, legId: leg.id, subjectId: recorded?.file ?? (asOne ? flow.id : leg.id), state, domain: told.domain,
    flowStartedUs: flow.frozen?.startedUs ?? flow.root.born.atUs, position: flow.position, occurredAtUs, receivedAtMs,
    payload: payloadOf(told, callId, startedUs, rules, stamp),
    ...(asked.detail(told.domain, state) && { detail: detailOf(told, switchName, rules) }),
  };
}

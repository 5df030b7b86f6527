import { NONE, type Birth, type Direction, type HangUp, type Leg, type Moment } from './leg.js';
import type { CallRules } from './rules.js';

/** A leg whose CREATE is known. */
export type BornLeg = Leg & { born: Birth };

/** Which legs a flow's webhooks speak of: the root itself, the flow as one, or each extension. */
export type Voice = 'rung-root' | 'flow' | 'each-leg';

/** One more extension that a transfer or pickup brought into the flow, at the moment of its bridge. */
export interface Joined { readonly leg: BornLeg; readonly at: Moment }

/** What one leg was announced as, and how far its story has been told. */
export interface Announced {
  readonly leg: BornLeg;
  readonly callId: string;
  readonly started: number;
  answered: boolean;
  hungUp: boolean;
}

/** A whole call: all the legs that belong together. */
export interface Flow {
  readonly id: string;
  readonly root: BornLeg;
  /** Every leg born into it, root first, in order of arrival. */
  legs: readonly BornLeg[];
  /** Those of `legs` that are rung by it: all but the root and loopback legs. */
  callees: readonly BornLeg[];
  joined: readonly Joined[];
  /** One caller and many extensions; once true it stays so. */
  many: boolean;
  /** Its root was created by a leg whose flow had ended: it may yet join the flow that it is bridged into. */
  readonly orphan: boolean;
  /** Set with the first webhook, and held from then on; a flow kept by an earlier version has no `startedUs`. */
  frozen?: { readonly domain: string; readonly direction: Direction; readonly voice: Voice; readonly startedUs?: number };
  /** One of each leg; the root's where the flow speaks as one. */
  announced: readonly Announced[];
  /** The tenant, from the moment that he is known. */
  domain?: string;
  position: number;
  lingerOver: boolean;
  waitOver: boolean;
  recordingOver: boolean;
  /** Payload fields that the PBX's own CDR event carried. */
  told?: ReadonlyMap<string, string>;
  closed: boolean;
}

export const newFlow = (root: BornLeg, orphan: boolean): Flow => ({
  id: root.id, root, legs: [root], callees: NONE, joined: NONE, many: false, orphan,
  announced: NONE, position: 0, lingerOver: false, waitOver: false, recordingOver: false, closed: false,
});

/** Adds a leg born into the flow, and sees whether that makes it one caller and many extensions. */
export function adopt(flow: Flow, leg: BornLeg, rules: CallRules): void {
  leg.flow = flow;
  flow.legs = flow.legs.concat(leg);
  if (!leg.born.loopback) flow.callees = flow.callees.concat(leg);
  noticeMany(flow, rules);
}

/** The signs that a caller may reach more than one extension; no single one of them is on the wire in time for every call. */
export function noticeMany(flow: Flow, rules: CallRules): void {
  flow.many ||= flow.callees.length > 1
    || flow.joined.length > 0
    || (flow.root.inbound && flow.root.answeredAlone)
    || flow.callees.some((leg) => leg.born.parentDestination !== '' && extensionOf(leg, rules) !== leg.born.parentDestination)
    || flow.legs.some((leg) => rules.variables.many.some((name) => leg.variables.has(name)));
}

export const onGateway = (leg: Leg, rules: CallRules) => rules.variables.gateway.some((name) => leg.variables.has(name));

/** Whom the switch rang: the extension, or the number behind a gateway. */
export function extensionOf(leg: BornLeg, rules: CallRules): string {
  const { dialedUser, dialedExtension, destination, parentDestination } = leg.born;
  if (dialedUser) return dialedUser;
  if (destination === parentDestination || onGateway(leg, rules)) return destination;
  return dialedExtension || destination;
}

export function applicationOf(flow: Flow, rules: CallRules): string {
  const rule = rules.applications.find(({ variable, value }) => flow.legs.some((leg) => leg.variables.get(variable) === value));
  return rule?.application ?? 'dial';
}

/** Whose webhooks: an originated root that is the customer himself speaks for itself, an outbound flow as one, else each extension. */
export function voiceOf(flow: Flow, direction: Direction, rules: CallRules): Voice {
  if (isRungRoot(flow, rules)) return 'rung-root';
  return direction === 'outbound' ? 'flow' : 'each-leg';
}

function isRungRoot(flow: Flow, rules: CallRules): boolean {
  const application = applicationOf(flow, rules);
  if (flow.root.inbound || flow.root.born.loopback) return false;
  return application === 'autocall' || application === 'autodialer' || (application !== 'click2call' && onGateway(flow.root, rules));
}

/** The business direction: what the dialplan said first, else what the legs look like. */
export function directionOf(flow: Flow, rules: CallRules): Direction {
  const told = flow.legs.flatMap((leg) => leg.direction ?? []).sort((a, b) => a.sequence - b.sequence)[0];
  if (told) return told.value as Direction;
  if (flow.legs.some((leg) => leg.born.agent)) return 'inbound';
  if (flow.root.born.context === rules.publicContext) return 'inbound';
  const trunk = flow.callees.some((leg) => onGateway(leg, rules)) || isRungRoot(flow, rules);
  return trunk ? 'outbound' : 'local';
}

/**
 * The tenant's domain: the first name that `tenantOf` knows, by variable first and leg second; undefined while no event names one.
 * `tenantOf` gives a tenant's domain as the tenant writes it, for a name in any case.
 */
export function domainOf(flow: Flow, rules: CallRules, tenantOf: (name: string) => string | undefined): string | undefined {
  const values = (name: string) => flow.legs.map((leg) => leg.variables.get(name) ?? '');
  const hosts = (name: string) => values(name).map((value) => value.slice(value.indexOf('@') + 1));
  const contexts = flow.legs.map((leg) => leg.context?.value ?? '').filter((context) => !rules.sharedContexts.includes(context));
  const candidates = [...rules.variables.domain.flatMap(values), ...rules.variables.presence.flatMap(hosts), ...contexts, flow.told?.get('domain') ?? ''];
  for (const name of candidates) {
    const domain = name && tenantOf(name);
    if (domain) return domain;
  }
  return undefined;
}

/** The leg that answered first, and when; a transferred leg counts from its bridge. */
export function firstAnswer(flow: Flow): { leg: BornLeg; at: Moment } | undefined {
  const answers = [
    ...flow.callees.flatMap((leg) => (leg.answered ? { leg, at: leg.answered } : [])),
    ...flow.joined,
  ];
  return answers.sort((a, b) => a.at.atUs - b.at.atUs || a.at.sequence - b.at.sequence)[0];
}

/** Whether the root was still up then: only then could a leg be transferred into its flow. What is heard late may lie before its end. */
export function isUpAt({ root, closed }: Flow, atUs: number): boolean {
  const end = root.hungUp ?? root.destroyed;
  return !closed && (!end || end.atUs > atUs);
}

/**
 * How the leg itself ended in the flow. A leg that was up when the linger after the root's end was over has left by a transfer, and ends
 * here as the root does: what becomes of it later is not believed, whenever that is heard. Undefined for it, and while it is up.
 */
export function ownEnd({ root }: Flow, leg: BornLeg, { cdr }: CallRules): HangUp | undefined {
  const { hungUp } = leg;
  const isLate = leg !== root && hungUp && root.completed && hungUp.atUs > root.completed.atUs + cdr.lingerMs * 1_000;
  return isLate ? undefined : hungUp;
}

/** How the leg ended in the flow: by itself, or with the root. Undefined while it is up. */
export const endInFlow = (flow: Flow, leg: BornLeg, rules: CallRules): HangUp | undefined => ownEnd(flow, leg, rules) ?? flow.root.hungUp;

/** The callee legs of an ended flow whose end has not been told yet. */
export const unfinished = (flow: Flow): Announced[] => flow.announced.filter((announced) => !announced.hungUp);

/** What the leg of this id was announced as in the flow. */
export const announcedAs = (flow: Flow, legId: string): Announced | undefined => flow.announced.find(({ leg }) => leg.id === legId);

export type { Direction, HangUp, Leg, Moment };

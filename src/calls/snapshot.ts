import type { Announced, BornLeg, Flow } from './flow.js';
import { NONE, type Dated, type Leg, type Moment } from './leg.js';
import { Variables } from './variables.js';

/** What is to be kept of a flow, so that a later process knows what was announced. */
export interface FlowKept {
  readonly flowId: string;
  readonly domain: string;
  /** Core-UUID of the switch's run. */
  readonly coreId: string;
  readonly position: number;
  /** For `restore`; null once the flow has ended. */
  readonly state: string | null;
}

/**
 * A flow and its legs as they are kept in the database. Read back by the same and by newer versions; what was added later is optional,
 * so that an older text still loads and an older daemon passes it over.
 */
interface KeptFlow extends Pick<Flow, 'many' | 'orphan' | 'frozen' | 'domain' | 'position' | 'lingerOver' | 'waitOver'>, Partial<Pick<Flow, 'recordingOver'>> {
  readonly version: 1;
  readonly legs: KeptLeg[];
  /** Legs of other flows that joined this one. */
  readonly guests: KeptLeg[];
  readonly joined: { readonly id: string; readonly at: Moment }[];
  readonly announced: [key: string, Omit<Announced, 'leg'> & { readonly leg: string }][];
  readonly told?: [string, string][];
}

type KeptLeg = Omit<Leg, 'firstSeenMs' | 'lastHeard' | 'variables' | 'flow' | 'joined' | 'bridges'> & { readonly variables: [string, Dated][] };

/** Everything that is known of an open flow, as JSON. */
export function keepFlow(flow: Flow): string {
  const { many, orphan, frozen, domain, position, lingerOver, waitOver, recordingOver, told } = flow;
  const kept: KeptFlow = {
    version: 1, many, orphan, position, lingerOver, waitOver, recordingOver,
    ...(frozen && { frozen }), ...(domain !== undefined && { domain }), ...(told && { told: [...told] }),
    legs: flow.legs.map(keepLeg),
    guests: flow.joined.map(({ leg }) => keepLeg(leg)),
    joined: flow.joined.map(({ leg, at }) => ({ id: leg.id, at })),
    announced: flow.announced.map(({ leg, ...rest }) => [leg.id, { ...rest, leg: leg.id }]),
  };
  return JSON.stringify(kept);
}

/** All but what ties it to this process; keys that are not set do not appear in the JSON. */
function keepLeg({ variables, ...leg }: Leg): KeptLeg {
  return { ...leg, variables: [...variables], firstSeenMs: undefined, flow: undefined, joined: undefined, bridges: undefined, lastHeard: undefined } as KeptLeg;
}

/** The flow as it was kept, with legs of its own; undefined where the text is none that this version understands. */
export function restoreFlow(text: string, firstSeenMs: number): Flow | undefined {
  const kept = JSON.parse(text) as KeptFlow;
  if (kept.version !== 1) return undefined;
  const { legs: keptLegs, guests, joined, announced, told, many, orphan, frozen, domain, position, lingerOver, waitOver, recordingOver = false } = kept;
  const legs = new Map([...keptLegs, ...guests].map((leg) => [leg.id, restoreLeg(leg, firstSeenMs)]));
  const of = (id: string) => legs.get(id) as BornLeg;
  const own = keptLegs.map(({ id }) => of(id));
  const [root, ...others] = own;
  if (!root) return undefined;
  return {
    many, orphan, position, lingerOver, waitOver, recordingOver, ...(frozen && { frozen }), ...(domain !== undefined && { domain }),
    id: root.id, root, legs: own, callees: others.filter((leg) => !leg.born.loopback), closed: false,
    joined: joined.map(({ id, at }) => ({ leg: of(id), at })),
    announced: announced.map(([, { leg, ...rest }]) => ({ ...rest, leg: of(leg) })),
    ...(told && { told: new Map(told) }),
  };
}

const restoreLeg = ({ variables, ...rest }: KeptLeg, firstSeenMs: number): Leg => ({ ...rest, firstSeenMs, variables: new Variables(variables), joined: NONE, bridges: NONE });

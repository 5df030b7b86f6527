import { extensionOf, type Flow } from './flow.js';
import type { CallRules } from './rules.js';

/** A call that is up, for those who look on. Numbers are as the switch has them. */
export interface LiveFlow {
  readonly flowId: string;
  /** '' while no event has named its tenant. */
  readonly domain: string;
  readonly from: string;
  readonly to: string;
  /** The extensions, or the number behind a gateway, that are rung or talk; a few, since a queue may ring hundreds. */
  readonly reached: readonly string[];
  readonly sinceUs: number;
  /** Microseconds since 1970; null while it rings. */
  readonly answeredUs: number | null;
}

const MOST_REACHED = 5;

/** What is known of an open flow at this moment. */
export function liveFlow(flow: Flow, rules: CallRules): LiveFlow {
  const { id, root, callees, domain = '' } = flow;
  const up = callees.filter(({ hungUp }) => hungUp === undefined);
  const answeredUs = (up.find(({ answered }) => answered !== undefined) ?? root).answered?.atUs ?? null;
  const reached = [...new Set(up.map((leg) => extensionOf(leg, rules)))].filter((number) => number !== '').slice(0, MOST_REACHED);
  return { flowId: id, domain, from: root.born.callerNumber, to: root.born.destination, reached, sinceUs: root.born.atUs, answeredUs };
}

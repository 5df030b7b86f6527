import { isIP } from 'node:net';
import type { Clock } from '../../clock.js';
import type { Config } from '../../config.js';
import { checkedSubscription } from '../../esl/link.js';
import { reasonOf } from '../../esl/link-end.js';
import { greetSwitch, visitSwitch, type Greeting, type Visit } from '../../esl/probe.js';
import { CLOCK_TOLERANCE_MS, clockSays, failed, ok, warning, type Finding } from './finding.js';

type SwitchConfig = Config['switches'][number];

const GREETING_MS = 5_000;

// Below this a heartbeat may not be due yet, and nothing follows from its absence.
const HEARTBEAT_DUE_MS = 22_000;

/** One switch, from the TCP connection to its heartbeat. To it that is a second listener for at most `waitMs`, which reads at once and logs out. */
export async function checkSwitch(to: SwitchConfig, { esl }: Config, waitMs: number, clock: Clock): Promise<Finding[]> {
  const greeting = judgeGreeting(to, await greetSwitch({ ...to, clock, deadlineMs: GREETING_MS }));
  if (greeting.some(({ verdict }) => verdict === 'failed')) return greeting;
  const subscription = checkedSubscription({ password: to.password, subclasses: esl.customSubclasses });
  const visit = await visitSwitch({ ...to, clock, loginMs: esl.loginTimeoutMs, maxFrameBytes: esl.maxFrameBytes, subscription, waitMs });
  return [...greeting, ...judgeVisit(to, visit, waitMs)];
}

function judgeGreeting({ name, host, port }: SwitchConfig, greeting: Greeting): Finding[] {
  const place = `switch "${name}" at ${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  if (greeting.kind === 'unreachable') return [failed('switch-reach', `${place} cannot be reached: ${greeting.code}`)];
  const reached = ok('switch-reach', `${place} is reached`);
  const { from } = greeting;
  switch (greeting.kind) {
    case 'rejected': return [reached, failed('switch-acl', `${place} turns our address ${from} away: apply-inbound-acl does not let it in`)];
    case 'hung-up': return [reached, failed('switch-acl', `${place} hangs up on our address ${from} without a word: apply-inbound-acl may not let it in, or something between cuts the connection`)];
    case 'silent': return [reached, failed('switch-greeting', `${place} accepts the connection and says nothing within ${GREETING_MS / 1_000} s`)];
    case 'stranger': return [reached, failed('switch-greeting', `what answers at ${place} is no event socket`)];
    case 'greets': return [reached, ok('switch-acl', `${place} lets our address ${from} in`), ok('switch-greeting', `${place} is an event socket`)];
  }
}

function judgeVisit({ name }: SwitchConfig, visit: Visit, waitMs: number): Finding[] {
  const end = visit.end === undefined ? '' : reasonOf(visit.end);
  if (!visit.loggedIn) return [failed('switch-password', visit.end?.kind === 'wrong-password' ? `switch "${name}" refuses the password` : `switch "${name}" does not let us log in: ${end}`)];
  const login = ok('switch-password', `switch "${name}" takes the password`);
  if (!visit.subscribed) return [login, failed('switch-subscription', `switch "${name}" does not take the subscription: ${end}`)];
  return [login, ok('switch-subscription', `switch "${name}" takes the subscription`), ...judgeEvents(name, visit, waitMs, end)];
}

function judgeEvents(name: string, visit: Visit, waitMs: number, end: string): Finding[] {
  const waited = end === '' ? `within ${waitMs / 1_000} s` : `before the link ended (${end})`;
  if (visit.events === 0) {
    return [(end === '' && waitMs < HEARTBEAT_DUE_MS ? warning : failed)('switch-events', `switch "${name}" sent no event ${waited}${waitMs < HEARTBEAT_DUE_MS ? '; that may be too short for a heartbeat' : ''}`)];
  }
  const run = `Core-UUID ${visit.coreId || 'unknown'}${visit.version && `, version ${visit.version}`}`;
  const every = visit.intervalSeconds === undefined ? 'how often it comes, this release does not say; 20 s unless configured' : `one every ${visit.intervalSeconds} s`;
  return [
    ok('switch-events', `switch "${name}" sends events (${run})`),
    visit.heartbeat ? ok('switch-heartbeat', `switch "${name}" sent its heartbeat: ${every}`) : warning('switch-heartbeat', `switch "${name}" sent no heartbeat ${waited}`),
    ...(visit.aheadMs === undefined ? [] : [(Math.abs(visit.aheadMs) > CLOCK_TOLERANCE_MS ? warning : ok)('switch-clock', clockSays(`the clock of switch "${name}"`, visit.aheadMs))]),
  ];
}

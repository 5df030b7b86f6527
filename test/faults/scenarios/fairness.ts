import { tenantOf } from '../call.js';
import type { Scenario } from '../scenario.js';

const TENANTS = 1_000;
/** Three of every ten, for calls go round. */
const HANGING = Array.from({ length: TENANTS }, (_, number) => number).filter((number) => number % 10 < 3).map((number) => `/${tenantOf(number)}`);

/** What the others may be slowed down by, and what a machine that does other things as well may add to that. On one that has more to do than it can, p99 says nothing of the daemon. */
const FACTOR = 1.5;
const ALLOWANCE_MS = 25;

const inWords = ({ p50Ms, p90Ms, p99Ms }: Record<'p50Ms' | 'p90Ms' | 'p99Ms', number>) => `p50 ${p50Ms.toFixed(0)}, p90 ${p90Ms.toFixed(0)}, p99 ${p99Ms.toFixed(0)} ms`;

/** When the receivers began to hang, and when all had warmed up before. */
let warmAtMs = 0;
let hangAtMs = 0;

/** A third of the time all is well; then 300 of 1,000 receivers let every POST wait until its deadline, and the others must not notice. */
export const hanging: Scenario = {
  name: 'fairness: 300 of 1,000 receivers hang',
  alone: true,
  load: (form) => ({ tenants: TENANTS, ...(form === 'full' ? { calls: 6_000, perSecond: 50 } : { calls: 450, perSecond: 15 }) }),
  stage: () => ({ tenants: TENANTS }),
  leaveOut: HANGING,
  async hurt({ stage, player }) {
    await player.reached(0.1);
    warmAtMs = Date.now();
    await player.reached(1 / 3);
    hangAtMs = Date.now();
    stage.receiver.behave('hang', 1, HANGING);
    await player.reached(1);
    stage.receiver.behave('well');
  },
  after({ stage }, tally) {
    const context = { hearing: stage.hearing, leaveOut: new Set(HANGING) };
    const before = tally.spreadBetween(warmAtMs, hangAtMs, context);
    const during = tally.spreadBetween(hangAtMs, Infinity, context);
    const said = `the other 700: ${inWords(before)} before, ${inWords(during)} while 300 hang`;
    console.log(said);
    return Promise.resolve(during.p99Ms <= FACTOR * before.p99Ms + ALLOWANCE_MS ? [] : [`${said}: more than ${FACTOR} times that and ${ALLOWANCE_MS} ms`]);
  },
};

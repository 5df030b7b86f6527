import type { LiveFlow } from '../calls/live.js';
import type { Clock } from '../clock.js';
import type { Metrics } from '../metrics.js';
import { Latencies } from './latencies.js';
import { STEP_MS, STEPS, type Onlooker, type Sent } from './onlooker.js';

export interface OverviewDeps {
  onlooker: Onlooker;
  clock: Pick<Clock, 'now' | 'monotonicMs'>;
  metrics: Pick<Metrics, 'reconciliations' | 'lost'>;
  /** The configured switches, by name. */
  switches: readonly string[];
  /** How many calls of a switch are up, and the first `most` of them. */
  flowsOf: (switchName: string, most: number) => { open: number; flows: readonly LiveFlow[] };
  /** Deliveries that wait, and since when the oldest does; rejects where Postgres cannot be asked. */
  backlog: () => Promise<{ waiting: number; oldest: Date | null }>;
  /** The URLs that are not plainly well. */
  health: () => readonly { urlKey: string; state: 'closed' | 'open' | 'probing'; failures: number; nextProbeMs: number | null; lastFailure: string | null }[];
}

/** Everything that the operator sees at one look, in the words of the API. */
export type Overview = Awaited<ReturnType<ReturnType<typeof createOverview>>>;

const MOST_FLOWS = 100;
const MOST_TROUBLES = 100;
/** "A second" and "now" mean of the last minute. */
const MINUTE = 60_000 / STEP_MS;

/** Makes the function that tells how the daemon does, from what it has in memory; only the backlog asks Postgres, and is null where that does not answer. */
export function createOverview(deps: OverviewDeps) {
  const { onlooker, clock } = deps;
  const startedAt = clock.now();
  return async () => {
    const nowMs = clock.monotonicMs();
    const backlog = await deps.backlog().catch(() => undefined);
    const steps = onlooker.sent.last(nowMs, STEPS);
    return {
      at: clock.now(), started_at: startedAt,
      switches: await Promise.all(deps.switches.map((name) => switchNow(name, nowMs, deps))),
      flows: flowsNow(deps),
      deliveries: {
        waiting: backlog?.waiting ?? null, oldest_waiting_at: backlog?.oldest ?? null,
        ...recently([...steps.slice(-MINUTE).map(({ step }) => step), onlooker.sent.at(nowMs)], nowMs),
        step_seconds: STEP_MS / 1_000,
        series: steps.map(({ agoMs, step }) => ({
          at: new Date(clock.now().getTime() - agoMs), delivered: step.delivered, failed: step.failed, p50_ms: step.latencies.quantile(0.5), p99_ms: step.latencies.quantile(0.99),
        })),
      },
      trouble: troubleNow(deps),
      failures: onlooker.failures.map(({ at, deliveryId, callId, domain, url, event, attempt, outcome, status, reason }) => ({
        at, delivery_id: deliveryId, call_id: callId, domain_name: domain, callback_url: url, event, attempt, outcome, status, reason,
      })),
    };
  };
}

async function switchNow(name: string, nowMs: number, { onlooker, metrics }: OverviewDeps) {
  const { upSince, events, lagMs, lastEventAt, lastHeartbeatAt, perStep } = onlooker.switchOf(name);
  const lately = perStep.last(nowMs, MINUTE).reduce((sum, { step }) => sum + step.events, perStep.at(nowMs).events);
  const ofSwitch = (values: readonly { value: number; labels: Partial<Record<string, string | number>> }[]) => values.filter(({ labels }) => labels['switch'] === name).reduce((sum, { value }) => sum + value, 0);
  return {
    name, up: upSince !== null, up_since: upSince, events, events_per_second: perSecond(lately, nowMs), lag_ms: lagMs, last_event_at: lastEventAt, last_heartbeat_at: lastHeartbeatAt,
    reconciliations: ofSwitch((await metrics.reconciliations.get()).values), lost: ofSwitch((await metrics.lost.get()).values),
  };
}

function flowsNow({ switches, flowsOf }: OverviewDeps) {
  const all = switches.map((name) => ({ name, ...flowsOf(name, MOST_FLOWS) }));
  const shown = all.flatMap(({ name, flows }) => flows.map((flow) => ({
    switch: name, flow_id: flow.flowId, domain_name: flow.domain, from_number: flow.from, to_number: flow.to, reached: flow.reached,
    since: new Date(flow.sinceUs / 1_000), answered_at: flow.answeredUs === null ? null : new Date(flow.answeredUs / 1_000),
  })));
  return { open: all.reduce((sum, { open }) => sum + open, 0), shown: shown.slice(0, MOST_FLOWS) };
}

/** Of the last minute: how many a second, the share that arrived, and how long they took. */
function recently(steps: readonly Sent[], nowMs: number) {
  const latencies = new Latencies();
  for (const step of steps) latencies.merge(step.latencies);
  const [delivered, failed] = [steps.reduce((sum, step) => sum + step.delivered, 0), steps.reduce((sum, step) => sum + step.failed, 0)];
  return {
    per_second: perSecond(delivered, nowMs), success_rate: delivered + failed === 0 ? null : delivered / (delivered + failed), p50_ms: latencies.quantile(0.5), p99_ms: latencies.quantile(0.99),
  };
}

/** Of the minute's whole steps and the one that has begun. */
const perSecond = (count: number, nowMs: number) => Math.round((count * 1_000_000) / (MINUTE * STEP_MS + nowMs % STEP_MS)) / 1_000;

function troubleNow({ health, onlooker }: OverviewDeps) {
  return health().filter(({ state, failures }) => state !== 'closed' || failures > 0).slice(0, MOST_TROUBLES).map(({ urlKey, state, failures, nextProbeMs, lastFailure }) => {
    const last = onlooker.lastFailureOf(urlKey);
    return {
      domain_name: last?.domain ?? '', callback_url: last?.url ?? '', breaker: state, failures, next_probe_ms: nextProbeMs === null ? null : Math.round(nextProbeMs), last_failure: lastFailure, last_failure_at: last?.at ?? null,
    };
  });
}

import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

export type Metrics = ReturnType<typeof createMetrics>;

const LATENCY_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Every figure the daemon keeps, by Prometheus' naming conventions. Labels are bounded: never a call, a URL or a tenant. */
export function createMetrics() {
  const registry = new Registry();
  const counter = <L extends string>(name: string, help: string, labelNames: L[] = []) => new Counter({ name: `hookswitch_${name}`, help, labelNames, registers: [registry] });
  const gauge = <L extends string>(name: string, help: string, labelNames: L[] = []) => new Gauge({ name: `hookswitch_${name}`, help, labelNames, registers: [registry] });
  const latency = (name: string, help: string) => new Histogram({ name: `hookswitch_${name}`, help, buckets: LATENCY_SECONDS, registers: [registry] });
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    events: counter('events_total', 'Events read from a switch.', ['switch', 'event']),
    malformed: counter('malformed_frames_total', 'Frames of the event socket that could not be understood.', ['switch', 'kind']),
    linkUp: gauge('switch_link_up', '1 while the link to the switch is logged in and subscribed.', ['switch']),
    linkEnds: counter('switch_link_ends_total', 'Links to a switch that ended or could not be opened, by reason.', ['switch', 'reason']),
    handlerFailures: counter('event_handler_failures_total', 'Events whose handling threw, which is a fault of ours.', ['switch']),
    notices: counter('notices_total', 'What happened to calls, by state.', ['state']),
    synthetic: counter('synthetic_notices_total', 'Ends of calls that were concluded and not told by the switch.', ['reason']),
    reconciliations: counter('reconciliations_total', 'Surveys of a switch that were completed, by what they were for.', ['switch', 'reason']),
    lost: counter('events_lost_total', 'Channels whose beginning or end was not heard, by the counts in heartbeats.', ['switch', 'what']),
    unattributed: counter('flows_unattributed_total', 'Flows that ended without any event naming their tenant.'),
    flowsOpen: gauge('flows_open', 'Calls that have begun and not ended.'),
    flowsDropped: counter('flows_dropped_total', 'Flows dropped from memory because they never ended.'),
    appended: counter('deliveries_appended_total', 'Deliveries committed to the outbox.'),
    appendFailures: counter('append_failures_total', 'Attempts to commit a batch that failed and will be repeated.'),
    buffered: gauge('ingest_buffered_notices', 'Notices read and not yet committed.'),
    attempts: counter('attempts_total', 'POSTs sent, by outcome.', ['outcome']),
    locked: counter('attempts_locked_total', "Attempts put off because the subscription's key or secret cannot be opened."),
    settled: counter('deliveries_settled_total', 'Deliveries that reached an end, by outcome.', ['outcome']),
    lostLeases: counter('lost_leases_total', 'Attempts whose delivery had been taken over meanwhile.'),
    slotsBusy: gauge('delivery_slots_busy', 'POSTs in flight.'),
    breakers: gauge('breakers', 'URLs that are left alone (open), or are being tried (probing).', ['state']),
    disabled: counter('subscriptions_disabled_total', 'Subscriptions that were disabled, by why.', ['reason']),
    enabled: counter('subscriptions_enabled_total', 'Subscriptions that were enabled again.'),
    backlog: gauge('deliveries_waiting', 'Deliveries in the outbox that are neither delivered nor given up.'),
    eventToCommit: latency('event_to_commit_seconds', 'From the event read to its deliveries committed.'),
    eventToSent: latency('event_to_sent_seconds', 'From the event read to its first POST begun; first attempts without a wait only.'),
    requests: counter('http_requests_total', 'Requests answered by our HTTP server, by route and status.', ['method', 'route', 'status']),
    sourceSyncs: counter('source_syncs_total', 'Looks at the FusionPBX database, by outcome.', ['outcome']),
    sourceSkipped: gauge('source_rows_skipped', 'Rows of FusionPBX that could not be taken over at the last look.', ['what']),
    streams: gauge('streams_open', 'Listeners of the live stream.'),
    streamLinesDropped: counter('stream_lines_dropped_total', 'Lines that listeners of the live stream were too slow for.'),
    answer: latency('answer_seconds', 'From a POST begun to its answer.'),
  };
}

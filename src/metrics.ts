import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

export type Metrics = ReturnType<typeof createMetrics>;

/** Of prom-client's own: they are called totals and are none; the same figures are there by type. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];
const DURATION_SECONDS = [1, 2.5, 5, 10, 30, 60, 120, 300];
const LATENCY_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Every figure the daemon keeps, by Prometheus' naming conventions. Labels are bounded: never a call, a URL or a tenant. */
export function createMetrics() {
  const registry = new Registry();
  const counter = <L extends string>(name: string, help: string, labelNames: L[] = []) => new Counter({ name: `hookswitch_${name}`, help, labelNames, registers: [registry] });
  const gauge = <L extends string>(name: string, help: string, labelNames: L[] = []) => new Gauge({ name: `hookswitch_${name}`, help, labelNames, registers: [registry] });
  const latency = (name: string, help: string) => new Histogram({ name: `hookswitch_${name}`, help, buckets: LATENCY_SECONDS, registers: [registry] });
  const duration = <L extends string>(name: string, help: string, labelNames: L[]) => new Histogram({ name: `hookswitch_${name}`, help, labelNames, buckets: DURATION_SECONDS, registers: [registry] });
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  return {
    registry,
    events: counter('events_total', 'Events read from a switch.', ['switch', 'event']),
    malformed: counter('malformed_frames_total', 'Frames of the event socket that could not be understood.', ['switch', 'kind']),
    linkUp: gauge('switch_link_up', '1 while the link to the switch is logged in and subscribed.', ['switch']),
    linkUps: counter('switch_link_ups_total', 'Links to a switch that were logged in and subscribed; all but the first are reconnects.', ['switch']),
    linkEnds: counter('switch_link_ends_total', 'Links to a switch that ended or could not be opened, by reason.', ['switch', 'reason']),
    handlerFailures: counter('event_handler_failures_total', 'Events lost to a fault of the daemon: their handling threw.', ['switch']),
    notices: counter('notices_total', 'What happened to calls, whether anybody subscribed to it or not, by state.', ['state']),
    synthetic: counter('synthetic_notices_total', 'Of them, those that were concluded and not told by the switch: reconciled, switch_restart, lost.', ['reason']),
    reconciliations: counter('reconciliations_total', 'How often a switch was asked what is up: reconciled after a new link, lost after a loss on one that was up.', ['switch', 'reason']),
    reconciliationTime: duration('reconciliation_seconds', 'How long a completed survey of a switch took, from its first question to its last conclusion.', ['switch']),
    adopted: counter('legs_adopted_total', 'Channels that a survey found with news that were missed, and took over.', ['switch']),
    lost: counter('events_lost_total', 'Channels whose beginning or end was not heard, by the counts in heartbeats: begun, ended.', ['switch', 'what']),
    unattributed: counter('flows_unattributed_total', 'Flows that ended without any event naming their tenant.'),
    flowsOpen: gauge('flows_open', 'Calls that have begun and not ended.'),
    flowsDropped: counter('flows_dropped_total', 'Calls whose end was never told, dropped after calls.maxAgeMs.'),
    appended: counter('deliveries_appended_total', 'Deliveries committed to the outbox.'),
    appendFailures: counter('append_failures_total', 'Attempts to commit a batch that failed and will be repeated.'),
    buffered: gauge('ingest_buffered_notices', 'Notices read and not yet committed.'),
    bufferLimit: gauge('ingest_buffered_notices_limit', 'At so many the links to the switches are closed (ingest.maxBuffered).'),
    attempts: counter('attempts_total', 'POSTs sent: delivered, retry, abandoned, disabled (the receiver wants no more).', ['outcome']),
    locked: counter('attempts_locked_total', "Attempts put off because the subscription's key or secret cannot be opened."),
    settled: counter('deliveries_settled_total', 'Deliveries that reached an end: delivered, abandoned, expired.', ['outcome']),
    lostLeases: counter('lost_leases_total', 'Answers that came after another daemon had taken the delivery over; the receiver may get it twice.'),
    slotsBusy: gauge('delivery_slots_busy', 'POSTs in flight.'),
    slots: gauge('delivery_slots', 'POSTs that may be in flight: ordinary (delivery.concurrency), and slow ones besides (delivery.slowConcurrency).', ['pool']),
    breakers: gauge('breakers', 'URLs that are left alone (open), or are being tried (probing).', ['state']),
    disabled: counter('subscriptions_disabled_total', 'Subscriptions that were disabled: receiver (it asked for that), failing (for too long), tenant (did it).', ['reason']),
    enabled: counter('subscriptions_enabled_total', 'Subscriptions that were enabled again.'),
    backlog: gauge('deliveries_waiting', 'Deliveries in the outbox that are neither delivered nor given up.'),
    oldest: gauge('deliveries_oldest_waiting_seconds', 'How long the oldest of them has been waiting; of ten thousand of the earliest days where there are more.'),
    eventToCommit: latency('event_to_commit_seconds', 'From the event read to its deliveries committed.'),
    eventToSent: latency('event_to_sent_seconds', 'From the event read to its first POST begun; first attempts without a wait only.'),
    requests: counter('http_requests_total', 'Requests answered by our HTTP server, by route and status.', ['method', 'route', 'status']),
    sourceSyncs: counter('source_syncs_total', 'Looks at the FusionPBX database: synced, unchanged, busy (another daemon was at it), emptied (it has lost all domains), failed.', ['outcome']),
    sourceSkipped: gauge('source_rows_skipped', 'Rows of FusionPBX that could not be taken over at the last look: domain, subscription.', ['what']),
    streams: gauge('streams_open', 'Listeners of the live stream.'),
    streamLinesDropped: counter('stream_lines_dropped_total', 'Lines that listeners of the live stream were too slow for.'),
    ready: gauge('ready', '1 while the daemon can do its work, as /readyz says.'),
    databaseUp: gauge('database_up', '1 while Postgres answers.'),
    connections: gauge('database_connections', 'Connections to Postgres: busy, and idle.', ['state']),
    connectionsAwaited: gauge('database_connection_waiters', 'Statements that wait for a connection.'),
    directory: gauge('directory_entries', 'Domains and subscriptions in memory.', ['kind']),
    replaysFinished: counter('replays_finished_total', 'Replays that came to their end in this daemon.'),
    replayed: counter('deliveries_replayed_total', 'Deliveries that a replay made due once more.'),
    recordings: counter('recordings_served_total', 'Requests for recordings: whole, part, unchanged, unsatisfiable, expired, missing.', ['outcome']),
    spansDropped: counter('spans_dropped_total', 'Spans of traces that the collector did not get: full (too many waited for it), refused (by it), stopped (the daemon was, before they were sent).', ['reason']),
    build: gauge('build_info', '1; the labels say which build runs, and on which Node.', ['version', 'node']),
    answer: latency('answer_seconds', 'From a POST begun to its answer.'),
  };
}

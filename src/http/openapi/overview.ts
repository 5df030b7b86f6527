import { answer, count, flag, moment, operation, orNull, record, ref, said, text, uuid, type Piece } from './parts.js';

const rate: Piece = { type: 'number', minimum: 0 };
const ms: Piece = { type: 'number', minimum: 0 };
const list = (items: Piece): Piece => ({ type: 'array', items });

/** How the daemon that answers does. */
export const OVERVIEW_PATHS: Readonly<Record<string, Piece>> = {
  '/v1/admin/overview': {
    get: operation({
      id: 'overview', tag: 'For admins', summary: 'How the daemon does: switches, calls, deliveries, trouble',
      description: 'Only what the daemon that answers has in memory, since it started and for a quarter of an hour; waiting is of all daemons on the same Postgres.',
      answers: { 200: answer('The overview', ref('Overview')) }, problems: [403],
    }),
  },
};

const SWITCH = record({
  name: text, up: flag, up_since: orNull(moment), events: said(count, 'Since the daemon started'), events_per_second: said(rate, 'Of the last minute'),
  lag_ms: said(orNull(count), 'From the switch\'s clock to ours, of the last event'), last_event_at: orNull(moment), last_heartbeat_at: orNull(moment),
  reconciliations: count, lost: said(count, 'Channels whose beginning or end was not heard'),
});

const FLOW = record({
  switch: text, flow_id: text, domain_name: said(text, '"" while it is not known'), from_number: text, to_number: text, reached: said(list(text), 'Who is rung or talks'), since: moment, answered_at: orNull(moment),
});

const FAILURE = record({
  at: moment, delivery_id: uuid, call_id: text, domain_name: text, callback_url: said(text, 'Without its query'), event: text, attempt: count, outcome: text, status: orNull({ type: 'integer' }), reason: orNull(text),
});

/** The schemas of the overview. */
export const OVERVIEW_SCHEMAS: Readonly<Record<string, Piece>> = {
  Overview: record({
    at: moment, started_at: moment,
    switches: list(SWITCH),
    flows: record({ open: count, shown: said(list(FLOW), 'A hundred at most') }),
    deliveries: record({
      waiting: said(orNull(count), 'null where the database does not answer'), oldest_waiting_at: said(orNull(moment), 'Of the first 10,000'),
      per_second: said(rate, 'Delivered in the last minute'), success_rate: said(orNull(rate), 'From 0 to 1; null where nothing was sent'), p50_ms: orNull(ms), p99_ms: orNull(ms),
      step_seconds: count, series: said(list(record({ at: moment, delivered: count, failed: count, p50_ms: orNull(ms), p99_ms: orNull(ms) })), 'The last quarter of an hour, oldest first'),
    }),
    trouble: said(list(record({
      domain_name: text, callback_url: text, breaker: { type: 'string', enum: ['closed', 'open', 'probing'] }, failures: count, next_probe_ms: orNull(count), last_failure: orNull(text), last_failure_at: orNull(moment),
    })), 'URLs that are left alone, or fail'),
    failures: said(list(FAILURE), 'The last fifty attempts that failed, newest first'),
  }),
};

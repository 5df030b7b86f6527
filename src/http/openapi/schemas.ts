import { DELIVERY_STATES } from '../../db/delivery-list.js';
import { count, flag, moment, orNull, pageOf, record, ref, said, text, uuid, type Piece } from './parts.js';

const SUBSCRIPTION: Readonly<Record<string, Piece>> = {
  event_domain_uuid: said(uuid, 'Its id'), domain_uuid: uuid, domain_name: text, event_name: text, callback_url: said(text, 'Where its webhooks go'),
  callback_apikey: said(orNull(text), 'Sent along with each webhook; "" for none, null where it is sealed with a key that the daemon does not have'),
};

const DETAILS: Readonly<Record<string, Piece>> = {
  ...SUBSCRIPTION, enabled: flag, format: said({ type: 'string', enum: ['v1', 'v2'] }, 'The shape of the body'),
  rate_per_second: said(orNull({ type: 'integer', minimum: 1, maximum: 1_000 }), 'Webhooks a second at most, of each daemon; null for no limit'),
  disabled_reason: said(orNull(text), 'Why the daemon disabled it; null where its tenant did, or it is enabled'), disabled_at: orNull(moment), created_at: moment, updated_at: moment,
};

const DELIVERY: Readonly<Record<string, Piece>> = {
  delivery_id: said(uuid, 'The webhook-id'), event_domain_uuid: said(uuid, 'Of its subscription'), event: text, state: said({ type: 'string', enum: DELIVERY_STATES }, 'held: kept for a disabled subscription; leased: in the hands of a daemon'),
  call_id: text, flow_id: said(text, 'The whole call, with all its legs'), callback_url: text, sequence: said({ type: 'integer', minimum: 1 }, 'Of this call to this URL'), attempts: said(count, 'POSTs begun'),
  last_status: orNull({ type: 'integer' }), last_reason: orNull(text), from_number: text, to_number: text,
  occurred_at: said(moment, 'At the switch'), created_at: said(moment, 'When it was promised'), due_at: said(moment, 'Not before then it is tried; absent once it has ended'), settled_at: said(moment, 'When it ended; absent until then'),
  synthetic: said({ type: 'string', enum: ['reconciled', 'switch_restart', 'lost', 'test'] }, 'Why it was not told by the switch; absent where it was'),
};
const OPTIONAL = ['due_at', 'settled_at', 'synthetic'];

const ATTEMPT: Readonly<Record<string, Piece>> = {
  number: { type: 'integer', minimum: 1 }, started_at: moment, outcome: said(text, 'delivered, retry, abandoned …'), status: orNull({ type: 'integer' }), reason: orNull(text),
};
const ms: Piece = { type: 'number', minimum: 0 };

const DOMAIN = record({ domain_uuid: uuid, domain_name: text, enabled: flag, source: { type: 'string', enum: ['local', 'fusionpbx'] }, created_at: moment, updated_at: moment });
const TOKEN: Readonly<Record<string, Piece>> = {
  token_uuid: uuid, label: text, is_admin: flag, domain_uuid: orNull(uuid), domain_name: orNull(text), created_at: moment, expires_at: orNull(moment), last_used_at: orNull(moment), revoked_at: orNull(moment),
};
const check: Piece = { type: 'object', required: ['ready'], properties: { ready: flag }, additionalProperties: true };

/** What the document's operations take and answer. */
export const SCHEMAS: Readonly<Record<string, Piece>> = {
  Problem: record({
    type: text, title: text, status: { type: 'integer' }, detail: text,
    errors: { type: 'array', items: record({ field: text, message: text }) }, replay_id: said(uuid, 'The replay that is running'),
  }, { optional: ['errors', 'replay_id'], description: 'RFC 9457' }),
  Subscription: record(SUBSCRIPTION),
  SubscriptionDetails: record(DETAILS),
  ChangedSubscription: record({
    ...DETAILS, held: said(count, 'Where the request enabled it: how many deliveries were kept meanwhile'), hint: said(text, 'How to have them sent'),
  }, { optional: ['held', 'hint'] }),
  Secret: record({ secret: said(text, 'whsec_ and base64, as in Standard Webhooks'), previous_valid_until: said(orNull(moment), 'Until then the secret before it signs as well') }),
  Delivery: record(DELIVERY, { optional: OPTIONAL }),
  DeliveryPage: pageOf('Delivery'),
  DetailedDelivery: record({
    ...DELIVERY,
    payload: said({ type: 'object' }, 'The body as it is sent'),
    attempts: { type: 'array', items: ref('Attempt') },
  }, { optional: OPTIONAL }),
  Attempt: record({
    ...ATTEMPT,
    timing: record({ dns_ms: ms, connect_ms: ms, tls_ms: ms, first_byte_ms: ms, total_ms: ms }, { optional: ['dns_ms', 'connect_ms', 'tls_ms', 'first_byte_ms'], description: 'What did not take place, as on a kept connection, is absent' }),
    response: said(orNull(text), 'How the answer began, 1 KiB at most'),
  }),
  Call: record({
    flow_id: text, domain_uuid: uuid, from_number: text, to_number: text,
    deliveries: { type: 'array', items: ref('DeliveryOfCall') },
  }),
  DeliveryOfCall: record({ ...DELIVERY, attempts: { type: 'array', items: record({ ...ATTEMPT, total_ms: ms }) } }, { optional: OPTIONAL }),
  Replay: record({
    replay_id: uuid, state: { type: 'string', enum: ['running', 'finished'] }, matched: said(orNull(count), 'Deliveries that fitted when it began; null until they are counted, or where that takes too long'),
    replayed: said(count, 'Of them, those that wait to be sent once more, or have been'), created_at: moment, finished_at: orNull(moment),
  }),
  Domain: DOMAIN,
  DomainPage: pageOf('Domain'),
  Token: record(TOKEN),
  TokenPage: pageOf('Token'),
  NewToken: record({ token: said(text, 'Shown this once'), ...TOKEN }),
  Receiver: record({
    domain_uuid: uuid, domain_name: text, callback_url: text, failing_since: said(orNull(moment), 'Nothing but failures since then'), last_failure: orNull(text),
    waiting: said({ type: 'integer', minimum: 0, maximum: 1_000 }, 'Deliveries that wait; 1000 stands for more, too'),
    breaker: said({ type: 'string', enum: ['closed', 'open', 'probing'] }, 'Whether the daemon that answers sends to it'), failures: said(count, 'In a row, of that daemon'), next_probe_ms: orNull(count),
  }),
  ReceiverPage: pageOf('Receiver'),
  Readiness: record({ ready: flag, checks: record({ database: check, switches: check, backlog: check, buffer: check }) }),
};

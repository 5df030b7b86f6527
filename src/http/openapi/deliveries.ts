import { DELIVERY_STATES } from '../../db/delivery-list.js';
import { DOMAIN } from './events.js';
import { answer, inPath, moment, operation, PAGING, query, record, ref, said, uuid, wish, type Piece } from './parts.js';

const tag = 'Deliveries';
const ID = inPath('id', 'delivery_id, which is the webhook-id');
const NUMBER: Piece = { type: 'string', minLength: 1, maxLength: 64 };
const CALL: Piece = { type: 'string', minLength: 1, maxLength: 255 };
const FROM = query('from', moment, 'Promised at or after this');
const TO = query('to', moment, 'Promised before this');

/** What became of webhooks, and sending them once more. */
export const DELIVERY_PATHS: Readonly<Record<string, Piece>> = {
  '/v1/delivery': {
    get: operation({
      id: 'listDeliveries', tag, summary: 'Deliveries, newest first',
      parameters: [
        query('event', { type: 'string', minLength: 1, maxLength: 64 }, 'Only this event'),
        { ...query('state', { type: 'array', items: { type: 'string', enum: DELIVERY_STATES }, minItems: 1 }, 'Only in any of these states'), style: 'form', explode: false },
        query('call_id', CALL, 'Only of this call'), query('number', NUMBER, 'Only where this is the caller or the callee, exactly; write a plus as %2B'), query('subscription', uuid, 'Only of this subscription'),
        FROM, TO, ...PAGING, DOMAIN,
      ],
      answers: { 200: answer('Deliveries', ref('DeliveryPage')) }, problems: [400],
    }),
  },
  '/v1/delivery/{id}': {
    parameters: [ID],
    get: operation({ id: 'showDelivery', tag, summary: 'One delivery, with its body and each attempt', answers: { 200: answer('The delivery', ref('DetailedDelivery')) }, problems: [404] }),
  },
  '/v1/delivery/{id}/retry': {
    parameters: [ID],
    post: operation({
      id: 'retryDelivery', tag, summary: 'Have one delivery sent once more', description: 'It keeps its webhook-id, sequence and body.',
      answers: { 202: answer('It waits to be sent', record({ delivery_id: uuid, state: { const: 'pending' } })) }, problems: [404, 409],
    }),
  },
  '/v1/call/{id}': {
    parameters: [inPath('id', 'A call_id, or a flow_id')],
    get: operation({ id: 'showCall', tag, summary: 'A call as its webhooks told it, in order', answers: { 200: answer('The call', ref('Call')) }, problems: [404] }),
  },
  '/v1/replay': {
    post: operation({
      id: 'replay', tag, summary: 'Have many deliveries sent once more',
      description: 'Those of the history that fit everything that is said; at least one of subscription, call_id, number and from must be. They keep their webhook-id, sequence, body and order. One replay at a time for each tenant.',
      body: wish({
        subscription: uuid, call_id: CALL, number: NUMBER, from: moment, to: moment,
        states: said({ type: 'array', items: { type: 'string', enum: ['held', 'delivered', 'abandoned', 'expired'] }, minItems: 1, maxItems: 4, default: ['held', 'abandoned', 'expired'] }, 'In any of these states'),
        domain: said({ type: 'string', maxLength: 253 }, 'With an admin\'s token only, and required there: whose deliveries'),
      }, { minProperties: 1 }),
      answers: { 202: answer('It has begun', record({ replay_id: uuid })) }, problems: [409],
    }),
  },
  '/v1/replay/{id}': {
    parameters: [inPath('id', 'replay_id')],
    get: operation({ id: 'showReplay', tag, summary: 'How far a replay has come', answers: { 200: answer('The replay', ref('Replay')) }, problems: [404] }),
  },
};

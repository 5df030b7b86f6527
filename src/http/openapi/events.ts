import { answer, flag, inPath, operation, PAGING, query, record, ref, said, text, uuid, wish, type Piece } from './parts.js';

const tag = 'Subscriptions';
const ID = inPath('id', 'event_domain_uuid of the subscription');
export const DOMAIN = query('domain', text, 'With an admin\'s token: only this domain, by its name. A tenant sees its own, whatever it says here');

const URL: Piece = { type: 'string', format: 'uri', maxLength: 2_048, description: 'http or https, public unless the operator allows it' };
const KEY: Piece = { type: ['string', 'null'], maxLength: 1_024, description: 'Printable Latin-1, sent along with each webhook; null or "" for none' };

const LIST = record({ data: { type: 'array', items: { anyOf: [ref('Subscription'), ref('SubscriptionDetails')] } }, next_cursor: said({ type: ['string', 'null'] }, 'Where limit or cursor was given') }, { optional: ['next_cursor'] });

/** Subscriptions. */
export const EVENT_PATHS: Readonly<Record<string, Piece>> = {
  '/v1/event': {
    get: operation({
      id: 'listSubscriptions', tag, summary: 'Subscriptions, oldest first', description: 'All of them, unless limit or cursor asks for a page.',
      parameters: [query('details', flag, 'Also whether each is enabled, its format, its rate and its times'), ...PAGING, DOMAIN], answers: { 200: answer('Subscriptions', LIST) }, problems: [400],
    }),
    post: operation({
      id: 'subscribe', tag, summary: 'Subscribe to an event at a URL', description: 'The same event and URL again is the same subscription: its id stays, and its key is set to what this request says. Unknown fields are ignored.',
      body: {
        type: 'object', required: ['event', 'callback_url'],
        properties: { event: { type: 'string', minLength: 1, maxLength: 64, examples: ['hangup'] }, callback_url: URL, callback_apikey: KEY, domain: said({ type: 'string', maxLength: 253 }, 'With an admin\'s token only, and required there: whose subscription it shall be') },
      },
      answers: { 200: answer('It is there', record({
        created: { const: true }, event_domain_uuid: uuid, secret: said(text, 'What its webhooks are signed with'), warning: said(text, 'Where no such event is ever delivered'),
      }, { optional: ['secret', 'warning'] })) },
      problems: [409],
    }),
  },
  '/v1/event/{id}': {
    parameters: [ID],
    get: operation({ id: 'showSubscription', tag, summary: 'One subscription', answers: { 200: answer('The subscription', ref('SubscriptionDetails')) }, problems: [404] }),
    patch: operation({
      id: 'changeSubscription', tag, summary: 'Change a subscription', description: 'What is not said stays. A field that is not known is refused.',
      body: wish({
        callback_url: URL, callback_apikey: KEY, enabled: said(flag, 'false: nothing is sent, and what comes is kept for its time to live'), format: { type: 'string', enum: ['v1', 'v2'] },
        rate_per_second: { type: ['integer', 'null'], minimum: 1, maximum: 1_000 },
      }, { minProperties: 1 }),
      answers: { 200: answer('The subscription as it is now', ref('ChangedSubscription')) }, problems: [404, 409],
    }),
    delete: operation({ id: 'unsubscribe', tag, summary: 'Unsubscribe', answers: { 200: answer('It is gone', record({ deleted: { const: true } })) }, problems: [404, 409] }),
  },
  '/v1/event/{id}/secret': {
    parameters: [ID],
    get: operation({ id: 'showSecret', tag, summary: 'What its webhooks are signed with', answers: { 200: answer('The secret', ref('Secret')) }, problems: [404, 409] }),
    post: operation({
      id: 'rotateSecret', tag, summary: 'Make a new secret', bodyOptional: true,
      body: { type: ['object', 'null'], properties: { overlap_seconds: said({ type: 'integer', minimum: 0, maximum: 604_800, default: 86_400 }, 'How long the secret before signs as well') } },
      answers: { 200: answer('The new secret', ref('Secret')) }, problems: [404, 409],
    }),
  },
  '/v1/event/{id}/test': {
    parameters: [ID],
    post: operation({
      id: 'testSubscription', tag, summary: 'Have a test call sent',
      description: 'Four webhooks as of an inbound call, ringing, answered, hangup and cdr, in order, with the header x-hookswitch-synthetic: test. They are tried for 2 minutes. One test call at a time for each subscription, and 10 a minute for each tenant.',
      answers: { 202: answer('They wait to be sent', record({ call_id: uuid, flow_id: uuid, deliveries: said({ type: 'array', items: uuid }, 'Their delivery_id, in order') })) }, problems: [404, 409],
    }),
  },
};

import { answer, count, flag, inPath, moment, operation, PAGING, query, record, ref, said, text, type Piece } from './parts.js';

const tag = 'For admins';
const NAME: Piece = { type: 'string', minLength: 1, maxLength: 253, examples: ['acme.example'] };
const DOMAIN_ID = inPath('id', 'domain_uuid');

/** Tenants, tokens and receivers, for admins. */
export const ADMIN_PATHS: Readonly<Record<string, Piece>> = {
  '/v1/admin/domain': {
    get: operation({ id: 'listDomains', tag, summary: 'Tenants by name', parameters: PAGING, answers: { 200: answer('Tenants', ref('DomainPage')) }, problems: [400, 403] }),
    post: operation({
      id: 'addDomain', tag, summary: 'Add a tenant', body: { type: 'object', required: ['domain_name'], properties: { domain_name: NAME, enabled: flag } },
      answers: { 201: answer('The tenant', ref('Domain')) }, problems: [403, 409],
    }),
  },
  '/v1/admin/domain/{id}': {
    parameters: [DOMAIN_ID],
    get: operation({ id: 'showDomain', tag, summary: 'One tenant', answers: { 200: answer('The tenant', ref('Domain')) }, problems: [403, 404] }),
    patch: operation({
      id: 'changeDomain', tag, summary: 'Rename, enable or disable a tenant', body: { type: 'object', properties: { domain_name: NAME, enabled: flag } },
      answers: { 200: answer('The tenant as it is now', ref('Domain')) }, problems: [403, 404, 409],
    }),
    delete: operation({
      id: 'deleteDomain', tag, summary: 'Remove a tenant with its subscriptions and tokens',
      answers: { 200: answer('What went with it', record({ deleted: { const: true }, domain_name: text, subscriptions: count, tokens: count, waiting: said(count, 'Deliveries that are given up') })) }, problems: [403, 404, 409],
    }),
  },
  '/v1/admin/token': {
    get: operation({ id: 'listTokens', tag, summary: 'Tokens, newest first', parameters: [...PAGING, query('domain', text, 'Only this domain\'s, by its name')], answers: { 200: answer('Tokens', ref('TokenPage')) }, problems: [400, 403] }),
    post: operation({
      id: 'addToken', tag, summary: 'Make a token', description: 'Either for a domain, or with is_admin: true for all of them.',
      body: { type: 'object', properties: { domain: NAME, is_admin: flag, label: { type: 'string', maxLength: 200 }, expires_at: moment } },
      answers: { 201: answer('The token; it is shown this once', ref('NewToken')) }, problems: [403],
    }),
  },
  '/v1/admin/token/{id}': {
    parameters: [inPath('id', 'token_uuid')],
    delete: operation({ id: 'revokeToken', tag, summary: 'Revoke a token', answers: { 200: answer('It is refused from now on', record({ revoked: { const: true } })) }, problems: [403, 404] }),
  },
  '/v1/admin/receiver': {
    get: operation({
      id: 'listReceivers', tag, summary: 'Where webhooks go, and how it does there', parameters: [query('failing', flag, 'Only those with nothing but failures lately'), ...PAGING],
      answers: { 200: answer('Receivers by tenant and URL', ref('ReceiverPage')) }, problems: [400, 403],
    }),
  },
};

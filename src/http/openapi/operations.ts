import { answer, inPath, operation, query, record, ref, text, type Piece } from './parts.js';

const tag = 'Operation';
const PLAIN: Piece = { schema: text };
const audio = { '*/*': { schema: { type: 'string', format: 'binary' } } };

/** The daemon's own health and documentation. */
export const OTHER_PATHS: Readonly<Record<string, Piece>> = {
  '/healthz': { get: operation({ id: 'healthz', tag, open: true, summary: 'Whether the process lives', answers: { 200: answer('It does', record({ status: { const: 'ok' } })) } }) },
  '/readyz': { get: operation({ id: 'readyz', tag, open: true, summary: 'Whether it can do its work', answers: { 200: answer('It can', ref('Readiness')), 503: answer('It cannot; this says what is missing', ref('Readiness')) } }) },
  '/metrics': { get: operation({ id: 'metrics', tag, open: true, summary: 'Its figures, for Prometheus', answers: { 200: { description: 'Figures', content: { 'text/plain': PLAIN } } } }) },
  '/openapi.json': { get: operation({ id: 'openapi', tag, open: true, summary: 'This document', answers: { 200: answer('OpenAPI 3.1', { type: 'object' }) } }) },
  '/docs': { get: operation({ id: 'docs', tag, open: true, summary: 'This document, to be read', answers: { 200: { description: 'A page', content: { 'text/html': PLAIN } } } }) },
};

/** What happens now. */
export const STREAM_PATHS: Readonly<Record<string, Piece>> = {
  '/v1/stream': {
    get: operation({
      id: 'stream', tag: 'Live', summary: 'What happens now, as server-sent events',
      description: 'Events named notice and delivery, for an admin also event, the data JSON. A listener that is too slow is told by an event named dropped how many it missed. Only what the daemon that answers does.',
      parameters: [
        query('kind', { type: 'string', pattern: '^(event|notice|delivery)(,(event|notice|delivery))*$' }, 'Only these, separated by commas'), query('number', text, 'Only calls with this number'),
        query('call', text, 'Only this call, by any of its ids'), query('domain', text, 'With an admin\'s token: only this domain'),
      ],
      answers: { 200: { description: 'Until either side ends it', content: { 'text/event-stream': PLAIN } } }, problems: [400, 503],
    }),
  },
};

/** Recordings. */
export const RECORDING_PATHS: Readonly<Record<string, Piece>> = {
  '/v1/recording/{token}': {
    parameters: [inPath('token', 'From the recording_url of a webhook; whoever has it may listen')],
    get: operation({
      id: 'recording', tag: 'Live', open: true, summary: 'A recording, whole or in part', description: 'Takes Range, If-Range, If-None-Match and If-Modified-Since.',
      answers: { 200: { description: 'All of it', content: audio }, 206: { description: 'The part that was asked for', content: audio }, 304: { description: 'It has not changed' } }, problems: [404, 410, 416],
    }),
  },
};

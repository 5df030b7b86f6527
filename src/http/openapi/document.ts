import { ADMIN_PATHS } from './admin.js';
import { DELIVERY_PATHS } from './deliveries.js';
import { EVENT_PATHS } from './events.js';
import { OTHER_PATHS, RECORDING_PATHS, STREAM_PATHS } from './operations.js';
import { OVERVIEW_PATHS, OVERVIEW_SCHEMAS } from './overview.js';
import type { Piece } from './parts.js';
import { SCHEMAS } from './schemas.js';

/** An OpenAPI 3.1 document, as far as we look into it. */
export interface Document extends Piece {
  readonly info: { readonly title: string; readonly version: string; readonly description: string; readonly license: Piece };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Piece>>;
  readonly components: { readonly schemas: Readonly<Record<string, Piece>>; readonly responses: Readonly<Record<string, Piece>>; readonly securitySchemes: Piece };
}

const DESCRIPTION = `Tenants manage their subscriptions here and see what became of their webhooks; operators those of all tenants.
Every answer of 400 or more is a problem (RFC 9457). Each answer carries an x-request-id, which stands in the daemon's log.
A request that is too slow is answered with 408, one whose headers are too large with 431, a path that takes other methods with 405.`;

/** Why a request is not done, by status. */
const PROBLEMS: Readonly<Record<number, string>> = {
  400: 'Something in it is wrong; errors says what', 401: 'No token, or none that is valid', 403: 'For an admin\'s token only', 404: 'There is no such thing, or it is not yours', 409: 'It cannot be done as things are; detail says why',
  410: 'The link has expired', 413: 'The body is too large', 415: 'The body is not announced as JSON', 416: 'There are no such bytes', 429: 'Too many; Retry-After says when', 503: 'Not now; Retry-After says when',
};

const RETRY_AFTER: Piece = { headers: { 'Retry-After': { description: 'Seconds', schema: { type: 'integer', minimum: 1 } } } };

/** What a daemon is: its version, and whether it serves recordings. */
export interface Described { readonly version: string; readonly recordings: boolean }

/** The whole API of a daemon in OpenAPI 3.1. */
export function openApiDocument({ version, recordings }: Described): Document {
  return {
    openapi: '3.1.0',
    info: { title: 'Hookswitch', version, description: DESCRIPTION, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    tags: [
      { name: 'Subscriptions', description: 'Which events go where' }, { name: 'Deliveries', description: 'What became of them' }, { name: 'Live', description: 'What happens now, and recordings' },
      { name: 'For admins', description: 'Tenants, tokens and receivers' }, { name: 'Operation', description: 'The daemon itself' },
    ],
    paths: { ...EVENT_PATHS, ...DELIVERY_PATHS, ...ADMIN_PATHS, ...OVERVIEW_PATHS, ...(recordings && RECORDING_PATHS), ...STREAM_PATHS, ...OTHER_PATHS },
    components: {
      schemas: { ...SCHEMAS, ...OVERVIEW_SCHEMAS },
      responses: Object.fromEntries(Object.entries(PROBLEMS).map(([status, description]) => [status, {
        description, ...((status === '429' || status === '503') && RETRY_AFTER), content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      }])),
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'hsk_… as the operator made it, or a JWT where the operator takes them' } },
    },
  };
}

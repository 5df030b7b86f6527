/** A piece of the document: whatever JSON can say. */
export type Piece = Readonly<Record<string, unknown>>;

/** A reference to one of the document's schemas. */
export const ref = (name: string): Piece => ({ $ref: `#/components/schemas/${name}` });

/** An object with these fields; those named in `optional` may be missing. */
export function record(properties: Readonly<Record<string, Piece>>, { optional = [], ...rest }: { optional?: readonly string[]; [key: string]: unknown } = {}): Piece {
  return { type: 'object', properties, required: Object.keys(properties).filter((name) => !optional.includes(name)), ...rest };
}

/** An object of which nothing has to be said, and nothing else may. */
export function wish(properties: Readonly<Record<string, Piece>>, rest: Piece = {}): Piece {
  return { type: 'object', properties, additionalProperties: false, ...rest };
}

export const uuid: Piece = { type: 'string', format: 'uuid' };
export const moment: Piece = { type: 'string', format: 'date-time' };
export const flag: Piece = { type: 'boolean' };
export const count: Piece = { type: 'integer', minimum: 0 };
export const text: Piece = { type: 'string' };

/** The same, or null. */
export const orNull = (schema: Piece): Piece => ({ ...schema, type: [schema['type'], 'null'] });

/** The same, with what it means. */
export const said = (schema: Piece, description: string): Piece => ({ ...schema, description });

/** A page of a list. */
export const pageOf = (schema: string): Piece => record({
  data: { type: 'array', items: ref(schema) },
  next_cursor: said(orNull(text), 'Send it as cursor for the next page; null on the last one'),
});

/** A parameter of the query. */
export const query = (name: string, schema: Piece, description: string): Piece => ({ name, in: 'query', required: false, schema, description });

/** A parameter of the path. */
export const inPath = (name: string, description: string): Piece => ({ name, in: 'path', required: true, schema: { type: 'string', minLength: 1 }, description });

export const PAGING: readonly Piece[] = [
  query('limit', { type: 'integer', minimum: 1, maximum: 500, default: 100 }, 'Entries at most'),
  query('cursor', { type: 'string', pattern: '^[\\w-]+$' }, 'The next_cursor of the page before'),
];

/** One operation. `answers` are those that succeed, by status; `problems` the statuses of those that do not, besides what every operation may answer. */
export interface Operation {
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly Piece[];
  readonly body?: Piece;
  /** Whether a request without a body is one, too. */
  readonly bodyOptional?: boolean;
  readonly answers: Readonly<Record<number, Piece>>;
  readonly problems?: readonly number[];
  /** Nobody need say who he is. */
  readonly open?: boolean;
}

/** The operation as the document says it. */
export function operation({ id, tag, summary, description, parameters = [], body, bodyOptional = false, answers, problems = [], open = false }: Operation): Piece {
  const failures = [...problems, ...(open ? [] : [401, 429, 503]), ...(body === undefined ? [] : [400, 413, 415])];
  return {
    operationId: id, tags: [tag], summary, ...(description !== undefined && { description }), ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: { required: !bodyOptional, content: { 'application/json': { schema: body } } } }),
    responses: { ...answers, ...Object.fromEntries([...new Set(failures)].sort().map((status) => [status, { $ref: `#/components/responses/${status}` }])) },
    ...(open && { security: [] }),
  };
}

/** An answer in JSON. */
export const answer = (description: string, schema: Piece): Piece => ({ description, content: { 'application/json': { schema } } });

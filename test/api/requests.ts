import fc from 'fast-check';
import type { Document } from '../../src/http/openapi/document.js';

type Schema = Record<string, unknown>;

/** One operation of the document, with what its path has in common with others. */
export interface Operation { method: string; path: string; parameters: Parameter[]; body: Schema | undefined; responses: Record<string, Schema> }
interface Parameter { name: string; in: 'query' | 'path'; schema: Schema; explode?: boolean }

/** What is sent for an operation. */
export interface Request { path: string; body?: string }

/** All operations of a document, with references to answers followed. */
export function operationsOf({ paths, components }: Document): Operation[] {
  return Object.entries(paths).flatMap(([path, item]) => Object.entries(item).filter(([method]) => method !== 'parameters').map(([method, raw]) => {
    const operation = raw as { parameters?: Parameter[]; requestBody?: { content: Record<string, { schema: Schema }> }; responses: Record<string, Schema> };
    const responses = Object.entries(operation.responses).map(([status, answer]) => [status, typeof answer['$ref'] === 'string' ? components.responses[status]! : answer]);
    return {
      method: method.toUpperCase(), path, parameters: [...(item['parameters'] ?? []) as Parameter[], ...(operation.parameters ?? [])],
      body: operation.requestBody?.content['application/json']!.schema, responses: Object.fromEntries(responses) as Record<string, Schema>,
    };
  }));
}

/** Requests as the document has them; the path names things that are there, or that could be. `samples` are values of what is there, by name. A cursor is none that can be made up. */
export function validRequests({ path, parameters, body }: Operation, samples: Readonly<Record<string, readonly string[]>>): fc.Arbitrary<Request> {
  const known = (name: string, schema: Schema) => ((samples[name] ?? []).length === 0 ? valueOf(schema) : fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...samples[name]!) }, { weight: 1, arbitrary: valueOf(schema) }));
  const fields = Object.fromEntries(parameters.filter(({ name }) => name !== 'cursor').map(({ name, schema }) => [name, known(name, schema)]));
  const object = body === undefined ? fc.constant(undefined) : bodyOf(body, known);
  return fc.tuple(fc.record(fields, { requiredKeys: parameters.filter(({ in: where }) => where === 'path').map(({ name }) => name) }), object)
    .map(([values, content]) => ({ path: fill(path, parameters, values as Record<string, unknown>), ...(content !== undefined && { body: JSON.stringify(content) }) }));
}

/** Requests that hardly anybody means: any text for each parameter, any JSON or none for a body. */
export function wildRequests({ path, parameters, body }: Operation): fc.Arbitrary<Request> {
  const wild = fc.oneof(anyText, fc.uuid(), fc.integer().map(String), fc.constantFrom('\0', '%', '..', "'", '{}', 'true'));
  const fields = fc.record(Object.fromEntries(parameters.map(({ name }) => [name, wild])), { requiredKeys: parameters.filter(({ in: where }) => where === 'path').map(({ name }) => name) });
  const named = body === undefined ? fc.constant({}) : fc.record(Object.fromEntries(Object.keys((body['properties'] ?? {})).map((name) => [name, fc.jsonValue()])), { requiredKeys: [] });
  const content = fc.oneof(fc.constant(''), anyText, fc.json(), named.map((value) => JSON.stringify(value)), fc.constantFrom('{"__proto__":{}}', '{"a":"\\ud800"}', '[[[[]]]]', 'null'));
  return fc.tuple(fields, content, fc.option(fc.tuple(anyText, anyText)))
    .map(([values, text, more]) => ({
      path: fill(path, parameters, values) + (more === null ? '' : `${parameters.some((parameter) => parameter.in === 'query' && parameter.name in values) ? '&' : '?'}${more.map(encodeURIComponent).join('=')}`),
      ...(body !== undefined && { body: text }),
    }));
}

const anyText = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });

/** An object with what has to be there and some of the rest. */
function bodyOf(schema: Schema, known: (name: string, schema: Schema) => fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const properties = (schema['properties'] ?? {}) as Record<string, Schema>;
  return fc.record(Object.fromEntries(Object.entries(properties).map(([name, field]) => [name, known(name, field)])), { requiredKeys: (schema['required'] ?? []) as string[] });
}

/** Values of a schema, as far as the document's requests need them. */
function valueOf(schema: Schema): fc.Arbitrary<unknown> {
  const { type, format, minLength = 0, maxLength = 60, minimum = 0, maximum = 1_000_000 } = schema as { type: unknown; format?: string; minLength?: number; maxLength?: number; minimum?: number; maximum?: number };
  if (Array.isArray(type)) return fc.oneof(...type.map((one: unknown) => (one === 'null' ? fc.constant(null) : valueOf({ ...schema, type: one }))));
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...schema['enum'] as unknown[]);
  if (format === 'uuid') return fc.uuid();
  if (format === 'date-time') return fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }).map((at) => at.toISOString());
  if (format === 'uri') return fc.webUrl({ withQueryParameters: true });
  switch (type) {
    case 'boolean': return fc.boolean();
    case 'integer': return fc.integer({ min: minimum, max: maximum });
    case 'array': return fc.uniqueArray(valueOf(schema['items'] as Schema), { minLength: 1, maxLength: 4 });
    default: return fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength, 60) });
  }
}

function fill(path: string, parameters: readonly Parameter[], values: Readonly<Record<string, unknown>>): string {
  const text = (value: unknown) => encodeURIComponent([value].flat().map(String).join(','));
  const filled = path.replace(/\{(\w+)\}/g, (_all, name: string) => text(values[name]));
  const query = parameters.filter(({ in: where, name }) => where === 'query' && values[name] !== undefined).map(({ name }) => `${name}=${text(values[name])}`).join('&');
  return query === '' ? filled : `${filled}?${query}`;
}

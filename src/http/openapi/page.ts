import type { Document } from './document.js';
import type { Piece } from './parts.js';

/** How the page looks: light or dark as the reader's system is, and whole without anything from elsewhere. */
export const STYLE = `
:root{color-scheme:light dark;--text:#1b1f24;--dim:#57606a;--line:#d0d7de;--back:#fff;--box:#f6f8fa;--link:#0550ae}
@media (prefers-color-scheme:dark){:root{--text:#e6edf3;--dim:#9198a1;--line:#3d444d;--back:#0d1117;--box:#151b23;--link:#79c0ff}}
body{margin:0 auto;padding:1rem;max-width:60rem;font:1rem/1.5 system-ui,sans-serif;color:var(--text);background:var(--back)}
a{color:var(--link)}code,pre{font:.875rem/1.45 ui-monospace,monospace}h2{margin-top:2.5rem;border-bottom:1px solid var(--line)}
article{margin:1rem 0;padding:.5rem 1rem;border:1px solid var(--line);border-radius:6px}h3{margin:.25rem 0;font-size:1rem}h4{margin:1rem 0 .25rem;font-size:.875rem;color:var(--dim)}
table{border-collapse:collapse;width:100%}th,td{padding:.25rem .75rem .25rem 0;text-align:left;vertical-align:top;border-top:1px solid var(--line);overflow-wrap:anywhere}
pre{overflow-x:auto;padding:.5rem;background:var(--box)}p{white-space:pre-line;margin:.5rem 0}nav ul{columns:18rem;padding-left:1rem}summary{cursor:pointer}
`;

const METHODS = ['get', 'post', 'patch', 'delete'];

interface Shown { readonly method: string; readonly path: string; readonly operation: Piece; readonly parameters: readonly Piece[] }

/** The document as a page in HTML, made once. */
export function documentPage(document: Document): string {
  const operations = operationsOf(document);
  const sections = document.tags.map(({ name, description }) => ({ name, description, operations: operations.filter(({ operation }) => (operation['tags'] as string[]).includes(name)) }))
    .filter((section) => section.operations.length > 0);
  const { title, version, description } = document.info;
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(title)} API</title><style>${STYLE}</style></head>
<body>
<header><h1>${escape(title)} API ${escape(version)}</h1><p>${escape(description)}</p><p><a href="/openapi.json">openapi.json</a></p></header>
<nav aria-label="Operations"><ul>${operations.map(({ method, path, operation }) => `<li><a href="#${idOf(operation)}"><code>${escape(method.toUpperCase())} ${escape(path)}</code></a></li>`).join('')}</ul></nav>
<main>
${sections.map((section) => `<section><h2>${escape(section.name)}</h2><p>${escape(section.description)}</p>\n${section.operations.map(article).join('\n')}</section>`).join('\n')}
<section><h2>Schemas</h2>
${Object.entries(document.components.schemas).map(([name, schema]) => `<article id="schema-${escape(name)}"><h3><code>${escape(name)}</code></h3>${fieldsOf(schema)}</article>`).join('\n')}
</section>
</main>
</body>
</html>
`;
}

function operationsOf({ paths }: Document): Shown[] {
  return Object.entries(paths).flatMap(([path, item]) => METHODS.filter((method) => item[method] !== undefined).map((method) => {
    const operation = item[method] as Piece;
    return { method, path, operation, parameters: [...list(item['parameters']), ...list(operation['parameters'])] };
  }));
}

function article({ method, path, operation, parameters }: Shown): string {
  const { summary = '', description = '', requestBody, responses, security } = operation as Record<string, Piece & string>;
  const body = requestBody === undefined ? undefined : schemaIn(requestBody);
  return `<article id="${idOf(operation)}"><h3><code>${method.toUpperCase()} ${escape(path)}</code></h3><p>${escape(summary)}.${security === undefined ? '' : ' Needs no token.'}</p>${description === '' ? '' : `<p>${escape(description)}</p>`}
${parameters.length === 0 ? '' : `<h4>Parameters</h4>${table(parameters.map((parameter) => [code(String(parameter['name'])), typeOf(parameter['schema'] as Piece), escape(String(parameter['description']))]))}`}
${body === undefined ? '' : `<h4>Body</h4>${fieldsOf(body)}`}
<h4>Answers</h4>${table(Object.entries(responses as unknown as Record<string, Piece>).map(([status, answer]) => [code(status), answerOf(answer)]))}</article>`;
}

function answerOf(answer: Piece): string {
  if (answer['$ref'] !== undefined) return '<a href="#schema-Problem">Problem</a>';
  const schema = schemaIn(answer);
  return escape(String(answer['description'])) + (schema === undefined || schema['type'] === 'string' ? '' : `: ${typeOf(schema)}`);
}

/** The fields of an object as a table; of anything else its type. */
function fieldsOf(schema: Piece): string {
  const fields = Object.entries((schema['properties'] ?? {}) as Record<string, Piece>);
  if (fields.length === 0) return `<p>${typeOf(schema)}</p>`;
  const required = list(schema['required']) as unknown as string[];
  return table(fields.map(([name, field]) => [code(name), typeOf(field) + (required.includes(name) ? '' : ', may be absent'), escape(typeof field['description'] === 'string' ? field['description'] : '')]));
}

function typeOf(schema: Piece): string {
  if (typeof schema['$ref'] === 'string') {
    const name = escape(schema['$ref'].split('/').at(-1)!);
    return `<a href="#schema-${name}">${name}</a>`;
  }
  if (schema['anyOf'] !== undefined) return list(schema['anyOf']).map(typeOf).join(' or ');
  if (schema['const'] !== undefined) return code(JSON.stringify(schema['const']));
  if (schema['enum'] !== undefined) return list(schema['enum']).map((value) => code(JSON.stringify(value))).join(' ');
  if (schema['type'] === 'array') return `list of ${typeOf(schema['items'] as Piece)}`;
  if (schema['type'] === 'object' && schema['properties'] !== undefined) return Object.entries(schema['properties'] as Record<string, Piece>).map(([name, field]) => `${code(name)} ${typeOf(field)}`).join(', ');
  return escape([[schema['type']].flat().join(' or '), schema['format'], rangeOf(schema)].filter((part) => part !== undefined && part !== '').join(', '));
}

function rangeOf(schema: Piece): string {
  const { minimum, maximum, maxLength } = schema as { minimum?: number; maximum?: number; maxLength?: number };
  if (maxLength !== undefined) return `at most ${maxLength} characters`;
  if (minimum === undefined) return '';
  return maximum === undefined ? `${minimum} or more` : `${minimum} to ${maximum}`;
}

function schemaIn(of: Piece): Piece | undefined {
  return Object.values((of['content'] ?? {}) as Record<string, { schema: Piece }>)[0]?.schema;
}

function table(rows: readonly (readonly string[])[]): string {
  return `<table>${rows.map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('')}</table>`;
}

const list = (value: unknown) => (value ?? []) as readonly Piece[];
const idOf = (operation: Piece) => escape(String(operation['operationId']));
const code = (value: string) => `<code>${escape(value)}</code>`;

function escape(value: string): string {
  return value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

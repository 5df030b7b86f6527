/** What a text holds: a JSON value, or the place of the first fault (line and column count from 1). */
export type Parsed = { kind: 'value'; value: unknown } | { kind: 'malformed'; line: number; column: number; problem: string };

/**
 * Parses JSON and finds the place of a fault itself: V8's own message names the place only sometimes, and quotes the text around
 * it, which in a configuration may be a password. A byte order mark, as some editors leave it, is skipped.
 */
export function parseJson(text: string): Parsed {
  try {
    return { kind: 'value', value: JSON.parse(text.replace(/^\uFEFF/, '')) as unknown };
  } catch {
    const { at, problem } = firstFault(text);
    const before = text.slice(0, at).split('\n');
    return { kind: 'malformed', line: before.length, column: (before.at(-1)?.length ?? 0) + 1, problem };
  }
}

// One token of RFC 8259: punctuation, string, number, literal.
const TOKEN = /[{}[\]:,]|"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const SPACE = /[ \t\n\r]*/y;

/** Walks the tokens with the grammar of RFC 8259 and stops at the first one that may not stand where it stands. */
function firstFault(text: string): { at: number; problem: string } {
  const open: ('{' | '[')[] = [];
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  let wanted = 'a value';
  for (;;) {
    SPACE.lastIndex = at;
    at += SPACE.exec(text)?.[0].length ?? 0;
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text)?.[0];
    const next = token === undefined ? undefined : step(wanted, token, open);
    if (token === undefined || next === undefined) return { at, problem: at >= text.length ? `the text ends where ${wanted} is wanted` : `${wanted} is wanted here` };
    wanted = next;
    at += token.length;
  }
}

/** What is wanted after `token` where `wanted` was; undefined where the token does not fit. */
function step(wanted: string, token: string, open: ('{' | '[')[]): string | undefined {
  const after = () => (open.length === 0 ? 'the end' : `"," or "${open.at(-1) === '{' ? '}' : ']'}"`);
  const close = () => { open.pop(); return after(); };
  const value = () => {
    if (token === '{') { open.push('{'); return 'a key in double quotes or "}"'; }
    if (token === '[') { open.push('['); return 'a value or "]"'; }
    return /^[}\]:,]$/.test(token) ? undefined : after();
  };
  switch (wanted) {
    case 'a value': return value();
    case 'a value or "]"': return token === ']' ? close() : value();
    case 'a key in double quotes or "}"': return token === '}' ? close() : token.startsWith('"') ? '":"' : undefined;
    case 'a key in double quotes': return token.startsWith('"') ? '":"' : undefined;
    case '":"': return token === ':' ? 'a value' : undefined;
    case '"," or "}"': return token === '}' ? close() : token === ',' ? 'a key in double quotes' : undefined;
    case '"," or "]"': return token === ']' ? close() : token === ',' ? 'a value' : undefined;
    default: return undefined;
  }
}

import { readFileSync } from 'node:fs';
import { MASK } from '../secrets.js';
import type { Fault } from './fault.js';
import { parseJson } from './json.js';
import { allKeys, schema } from './schema.js';

/** What one file says, by dot path, and what is wrong with the file itself. Values are not judged here. */
export interface Settings { values: Map<string, unknown>; faults: Fault[] }

/** Reads a JSON file. One that cannot be read or parsed says nothing but its fault; unknown keys are faults, the known ones beside them are kept. */
export function readSettings(path: string): Settings {
  const fault = (problem: string): Settings => ({ values: new Map(), faults: [{ key: path, value: '', problem, from: path }] });
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return fault(`cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  const parsed = parseJson(text);
  if (parsed.kind === 'malformed') return fault(`is not JSON: line ${parsed.line}, column ${parsed.column}: ${parsed.problem}`);
  const settings: Settings = { values: new Map(), faults: [] };
  sort(parsed.value, schema, '', path, settings);
  return settings;
}

/** Sorts one section's entries into settings and faults. The value of an unknown key is not shown: it may be a misspelt secret. */
function sort(section: unknown, known: object, prefix: string, from: string, into: Settings): void {
  const names = Object.keys(known);
  if (typeof section !== 'object' || section === null || Array.isArray(section)) {
    into.faults.push({ key: prefix.slice(0, -1) || from, value: MASK, problem: `must be an object with ${names.join(', ')}`, from });
    return;
  }
  for (const [name, value] of Object.entries(section) as [string, unknown][]) {
    const path = prefix + name;
    const child = names.includes(name) ? (known as Record<string, object>)[name] : undefined;
    if (child === undefined) into.faults.push({ key: path, value: MASK, problem: `is not known; here may stand ${names.join(', ')}`, from });
    else if ('kind' in child) into.values.set(path, value);
    else sort(value, child, `${path}.`, from, into);
  }
}

/** The variable that names the file laid over the defaults. */
export const FILE_VARIABLE = 'HOOKSWITCH_CONFIG';

/** The variable with the token by which a command uses the API of a running daemon. No key of the configuration: the daemon has no use for it. */
export const TOKEN_VARIABLE = 'HOOKSWITCH_TOKEN';

/** The variables that are set. Compose files and unit files leave empty ones behind, which mean "not set". */
export function setVariables(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1].trim() !== ''));
}

/** A HOOKSWITCH_ variable that nothing reads is a misspelt one, and a misspelt one would be ignored in silence. */
export function strayVariables(env: Record<string, string>): Fault[] {
  const known = new Set([FILE_VARIABLE, TOKEN_VARIABLE, ...allKeys().map(([, { env: name }]) => name)]);
  return Object.entries(env)
    .filter(([name, value]) => name.startsWith('HOOKSWITCH_') && !known.has(name) && !isServiceLink(name, value))
    .map(([name]) => ({ key: name, value: MASK, problem: 'is not known; `hookswitch config --describe` lists the variables', from: name }));
}

/** Kubernetes sets such variables in every pod for a service named hookswitch (its documentation, "Accessing the Service"). */
function isServiceLink(name: string, value: string): boolean {
  return /_SERVICE_(HOST|PORT)(_|$)/.test(name) || /_PORT_\d+_(TCP|UDP|SCTP)(_|$)/.test(name) || (name.endsWith('_PORT') && /^(tcp|udp|sctp):/.test(value));
}

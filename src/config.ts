import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import convict from 'convict';
import { ConfigError, type Fault } from './config/fault.js';
import type { SwitchConfig } from './config/kinds.js';
import { rules } from './config/rules.js';
import { allKeys, schema, type Key, type Values } from './config/schema.js';
import { FILE_VARIABLE, readSettings, setVariables, strayVariables } from './config/sources.js';
import { MASK, maskFields, maskUrls } from './secrets.js';

export { ConfigError, type Fault } from './config/fault.js';
export type { ApplicationRule, SwitchConfig } from './config/kinds.js';

/** Where the configuration comes from. */
export interface Sources {
  /** The environment; an empty variable counts as not set. */
  readonly env: NodeJS.ProcessEnv;
  /** JSON files laid over the defaults in this order, below the one that HOOKSWITCH_CONFIG names and below the environment. */
  readonly files?: readonly string[];
}

type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;

/** The configuration in use: all keys, with defaults filled in and the switches in one list. Frozen to the leaves. */
export type Config = Frozen<Omit<Values, 'switch'> & { switches: SwitchConfig[] }>;

/** One key as an operator needs it: its environment variable ('' for none), default, form and meaning. */
export interface KeyDescription { key: string; env: string; default: unknown; format: string; doc: string }

/** One key's value in use, secrets masked, and the file or environment variable that said it ('default' for neither). */
export interface KeyInUse { key: string; value: unknown; from: string }

/** Both src/ and dist/ lie one level below the package. */
const DEFAULTS = fileURLToPath(new URL('../config/default.json', import.meta.url));

/**
 * The configuration from config/default.json, then `files`, then the file that HOOKSWITCH_CONFIG names, then the environment;
 * what comes later wins, key by key.
 *
 * @throws ConfigError with everything that is wrong, not just the first: values, unknown keys, broken files, rules between keys.
 */
export function loadConfig(sources: Sources): Config {
  return freeze(finish(gather(sources).values));
}

/** Every key's value in use and where it came from, in the order of the schema. @throws ConfigError as `loadConfig` does. */
export function explainConfig(sources: Sources): KeyInUse[] {
  const { values, origins } = gather(sources);
  return allKeys().map(([path, key]) => ({ key: path, value: shown(key, at(values, path)), from: origins.get(path) ?? 'default' }));
}

/** Every key there is, in the order of the schema. */
export function describeConfig(): KeyDescription[] {
  const { values } = readSettings(DEFAULTS);
  return allKeys().map(([path, { env = '', kind, doc }]) => ({ key: path, env, default: values.get(path), format: kind.right, doc }));
}

// convict reads "8080x" as 8080 and any text as a list; these leave a text that does not fit as it is, for the key's rule to refuse.
const toNumber = (text: string) => (/^\s*-?\d+(\.\d+)?\s*$/.test(text) ? Number(text) : text);
const toList = (text: string) => text.split(',').map((item) => item.trim()).filter((item) => item !== '');
const toJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};
const readers = { text: (text: string) => text, number: toNumber, list: toList, numbers: (text: string) => toList(text).map(toNumber), json: toJson };
for (const [name, coerce] of Object.entries(readers)) convict.addFormat({ name, coerce, validate: () => {} });

/**
 * Merges all sources and judges the result. convict merges and reads the environment; its own check knows no rules between keys
 * and reports through one string, so each key is asked here, and its fault keeps its name.
 */
function gather({ env, files = [] }: Sources): { values: Values; origins: Map<string, string> } {
  const variables = setVariables(env);
  const named = variables[FILE_VARIABLE];
  const defaults = readSettings(DEFAULTS);
  const layers = [...files, ...(named === undefined ? [] : [named])].map((path) => ({ path, ...readSettings(path) }));

  const source = convict<Values>(convictSchema(schema, defaults.values) as convict.Schema<Values>, { env: variables, args: [] });
  const origins = new Map<string, string>();
  for (const { path, values } of layers) {
    for (const [key, value] of values) {
      source.set(key, value);
      origins.set(key, path);
    }
  }
  source.load({}); // set() has overwritten what the environment said; loading brings it back on top
  for (const [path, key] of allKeys()) if (key.env !== undefined && key.env in variables) origins.set(path, key.env);

  const values = source.getProperties();
  const faults = [...defaults.faults, ...layers.flatMap((layer) => layer.faults), ...strayVariables(variables), ...judge(values, origins)];
  if (faults.length > 0) throw new ConfigError(faults);
  return { values, origins };
}

function convictSchema(node: object, defaults: Map<string, unknown>, prefix = ''): Record<string, unknown> {
  return Object.fromEntries(Object.entries(node).map(([name, child]: [string, object]) => {
    const path = prefix + name;
    if (!('kind' in child)) return [name, convictSchema(child, defaults, `${path}.`)];
    const { kind, doc, env } = child as Key<unknown>;
    return [name, { doc, format: kind.form, default: defaults.get(path), ...(env !== undefined && { env }) }];
  }));
}

/** What is wrong with each key by itself, then with keys together where each is right by itself. */
function judge(values: Values, origins: Map<string, string>): Fault[] {
  const keys = new Map(allKeys());
  const wrong = new Map<string, string>();
  for (const [path, { kind }] of keys) {
    const problem = kind.wrong(at(values, path));
    if (problem !== undefined) wrong.set(path, problem);
  }
  for (const rule of rules) {
    const problem = rule.keys.some((path) => wrong.has(path)) ? undefined : rule.wrong(values);
    if (problem !== undefined) wrong.set(rule.keys[0], problem);
  }
  return [...wrong].map(([path, problem]) => {
    const value = keys.get(path)?.sensitive ? MASK : JSON.stringify(at(values, path)) ?? '';
    return { key: path, value, problem, from: origins.get(path) ?? 'default' };
  });
}

function at(values: object, path: string): unknown {
  return path.split('.').reduce<unknown>((node, name) => (node as Record<string, unknown>)[name], values);
}

function shown({ sensitive }: Key<unknown>, value: unknown): unknown {
  if (!sensitive || value === '') return value;
  if (Array.isArray(value)) return value.map((entry: unknown) => (typeof entry === 'string' ? MASK : maskFields(entry)));
  if (typeof value !== 'string') return maskFields(value);
  return /^[a-z+]+:\/\//i.test(value) ? maskUrls(value) : MASK; // a text that only has a URL in it may have a secret before it
}

/** What follows from the values: one list of switches, the subclass of the cdr's event asked for, the machine's name, an absolute folder. */
function finish({ switch: single, ...values }: Values): Omit<Values, 'switch'> {
  const { source } = values.cdr;
  const subclass = source === 'hangup_complete' ? [] : [source.slice('custom:'.length)];
  return {
    ...values,
    name: values.name === '' ? hostname() : values.name,
    dataDir: resolve(values.dataDir),
    switches: values.switches.length > 0 ? values.switches : [single],
    esl: { ...values.esl, customSubclasses: [...new Set([...values.esl.customSubclasses, ...subclass])] },
  };
}

function freeze<T>(value: T): Frozen<T> {
  if (typeof value === 'object' && value !== null) for (const child of Object.values(value) as unknown[]) freeze(child);
  return Object.freeze(value) as Frozen<T>;
}

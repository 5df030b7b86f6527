import type { KeyDescription } from '../config.js';
import { code, page, table } from './markdown.js';

/** docs/configuration.md: every key, a table for each group. */
export function configurationPage(keys: readonly KeyDescription[]): string {
  const groups = [...new Set(keys.map(groupOf))];
  const parts = groups.flatMap((group) => [`## ${group}`, table(['key', 'variable', 'default', ''], keys.filter((key) => groupOf(key) === group).map(row))]);
  return page('Configuration', INTRODUCTION, ...parts);
}

/** Keys of no group stand by themselves, wherever they are. */
const groupOf = ({ key }: KeyDescription) => (key.includes('.') ? key.slice(0, key.indexOf('.')) : 'general');

function row({ key, env, default: value, format, doc }: KeyDescription): string[] {
  return [code(key), code(env), code(JSON.stringify(value)), `${doc} Must be ${format}.`];
}

const INTRODUCTION = `Every key. Where each may be set, and what wins: [README](../README.md#configuration). The same in a terminal: \`hookswitch config --describe\`; the
values in use: \`hookswitch config\`. A list in a variable is separated by commas, anything deeper is JSON; where there is no variable, a file sets the key.`;

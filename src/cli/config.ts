import { describeConfig, explainConfig, type Sources } from '../config.js';
import { table, type Answer } from './answer.js';

/** The values in use, secrets masked, each with the file or environment variable that it is from. */
export function showConfig(sources: Sources): Answer {
  const keys = explainConfig(sources);
  return { json: { data: keys }, text: table(['KEY', 'FROM', 'VALUE'], keys.map(({ key, value, from }) => [key, from, JSON.stringify(value)]), '') };
}

/** Every key there is: a paragraph each. */
export function describe(): Answer {
  const keys = describeConfig();
  const paragraphs = keys.map(({ key, env, default: value, format, doc }) => (
    [key, `    ${doc}`, `    Must be ${format}.`, `    Default: ${JSON.stringify(value)}${env && `    Variable: ${env}`}`].join('\n')));
  return { json: { data: keys }, text: paragraphs.join('\n\n') };
}

import { describeConfig } from '../config.js';
import { program } from '../cli.js';
import { createMetrics } from '../metrics.js';
import { commandsPage } from './commands.js';
import { configurationPage } from './configuration.js';
import { metricsPage } from './metrics.js';

/** The pages of the documentation that are made from the code, by their paths in the package. */
export function madePages(): Record<string, string> {
  const silent = { env: {}, stdout: process.stdout, stderr: process.stderr };
  return {
    'docs/metrics.md': metricsPage(createMetrics()),
    'docs/configuration.md': configurationPage(describeConfig()),
    'docs/cli.md': commandsPage(program(silent, { json: false, print: () => {}, onFailed: () => {} })),
  };
}

import type { Config } from '../config.js';
import { createLogger } from '../log.js';

/** Runs the daemon to its end. Its parts are loaded here and not above, so that the other commands start without them. */
export async function runDaemon(config: Config): Promise<void> {
  const main = await import('../main.js');
  await main.runDaemon(config, createLogger(config.log));
}

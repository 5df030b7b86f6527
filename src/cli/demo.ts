import type { Config } from '../config.js';
import { createLogger, type Logger } from '../log.js';

/** What `src/demo.ts` offers. */
interface Demo { runDemo(config: Config, log: Logger): Promise<void> }

/** Runs the demo to its end; its log goes to standard error, for what it shows goes to standard output. */
export async function runDemo(config: Config): Promise<void> {
  const demo = await import(new URL('../demo.js', import.meta.url).href) as Demo;
  await demo.runDemo(config, createLogger({ ...config.log, stream: process.stderr }));
}

import type { CallRules } from './calls/rules.js';
import type { Config } from './config.js';

/** The rules by which calls are understood, as they are configured. */
export function callRules(config: Config): CallRules {
  const { source, lingerMs, waitMs } = config.cdr;
  return {
    ...config.calls,
    timeZone: config.timeZone,
    recordingUrl: config.recordings.urlTemplate,
    cdr: { subclass: source.startsWith('custom:') ? source.slice('custom:'.length) : '', lingerMs, waitMs },
  };
}

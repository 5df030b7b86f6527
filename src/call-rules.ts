import type { CallRules } from './calls/rules.js';
import type { Config } from './config.js';

/** The rules by which calls are understood, as they are configured. `recordingLink` makes the address of a recording that the daemon serves itself. */
export function callRules(config: Config, recordingLink?: CallRules['recordingLink']): CallRules {
  const { source, lingerMs, waitMs, recordingWaitMs } = config.cdr;
  return {
    ...config.calls,
    detail: config.payload,
    timeZone: config.timeZone,
    recordingUrl: config.recordings.urlTemplate,
    ...(recordingLink && { recordingLink }),
    cdr: { subclass: source.startsWith('custom:') ? source.slice('custom:'.length) : '', lingerMs, waitMs, recordingWaitMs },
  };
}

import type { Asked } from '../calls/asked.js';
import type { Directory } from '../subscriptions/directory.js';

/** What the subscriptions of this moment ask for besides the four webhooks of version 1. */
export function askedIn(directory: Pick<Directory, 'find' | 'asksForMore'>): Asked {
  return {
    anything: () => directory.asksForMore(),
    event: (domain, state) => directory.find(domain, state).length > 0,
    detail: (domain, state) => directory.asksForMore() && directory.find(domain, state).some(({ format }) => format === 'v2'),
  };
}

import type { ExtraState, NoticeState } from './notice.js';

/**
 * What is asked for besides the four webhooks of version 1. It may change at any time, and nothing is computed or kept that
 * nobody asks for.
 */
export interface Asked {
  /** Whether there is anything at all: only then are the variables read that it is made from. */
  anything(): boolean;
  /** Whether the tenant is to be told of this extra event. */
  event(domain: string, state: ExtraState): boolean;
  /** Whether anybody is told of this event in version 2. */
  detail(domain: string, state: NoticeState): boolean;
}

/** The four webhooks of version 1 and nothing else. */
export const NOTHING_BESIDES: Asked = { anything: () => false, event: () => false, detail: () => false };

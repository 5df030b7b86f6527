import type { Logger } from '../../src/log.js';

const nothing = () => {};

/** For tests that look at what happened and not at what was said about it. */
export const silentLog: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => silentLog };

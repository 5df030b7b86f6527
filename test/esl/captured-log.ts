import type { LogFields, Logger } from '../../src/log.js';

/** A logger that keeps its lines as `level message key=value …`, without the fields bound by `child`. */
export function capturedLog() {
  const lines: string[] = [];
  const at = (level: string) => (message: string, fields: LogFields = {}) => {
    lines.push([level, message, ...Object.entries(fields).map(([key, value]) => `${key}=${String(value)}`)].join(' '));
  };
  const log: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: () => log };
  return { log, lines };
}

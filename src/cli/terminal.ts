import { styleText } from 'node:util';
import type { Writable } from 'node:stream';

/** What a command writes to: a terminal, or something that reads text. */
export type Output = Writable & { isTTY?: boolean };

export type Style = Parameters<typeof styleText>[0];

/** Paints a text, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string;

/** Whether the reader sees colours and signs beyond ASCII: a terminal that is not dumb, unless NO_COLOR is set (no-color.org). */
export function isColoured(stream: Output, env: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
}

export function painter(stream: Output, env: NodeJS.ProcessEnv): Paint {
  return isColoured(stream, env) ? (style, text) => styleText(style, text, { validateStream: false }) : (_style, text) => text;
}

/** A text of somebody else's on one line: a terminal obeys control characters. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, '?');
}

import { headersIn } from './headers.js';
import { baseUrlOrNone, kind, type Kind } from './kinds.js';

/** Where traces go. One without a path would be answered with 404, which nobody would see before the daemon runs. '' for nowhere. */
export const tracesUrl: Kind<string> = kind('text', 'an http or https URL with its path, such as http://127.0.0.1:4318/v1/traces, without a user name, query or fragment, or empty',
  (value) => value === '' || (baseUrlOrNone.wrong(value) === undefined && new URL(value as string).pathname !== '/'));

/** What makes the request what it is. */
const TAKEN = ['host', 'connection', 'content-type', 'content-length', 'content-encoding', 'transfer-encoding', 'user-agent'];

/** Headers for that, see `headersIn`. */
export const headerList: Kind<string> = kind('text', 'name=value for each header, separated by commas, anything unusual in a value percent-encoded, or empty', (value) => {
  const headers = typeof value === 'string' ? headersIn(value) : undefined;
  return headers !== undefined && !TAKEN.some((name) => name in headers);
});

/** A part of all, from none to all of it. */
export const part: Kind<number> = kind('number', 'a number from 0 to 1', (value) => typeof value === 'number' && value >= 0 && value <= 1);

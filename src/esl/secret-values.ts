import { MASK, maskUrls, namesSecret } from '../secrets.js';

/** Headers that hold a credential, or what a device can be reached by, beside those that name a secret. */
const SECRET_HEADER = /^sip_auth_|contact_params$|nonce|cookie|(?:^|_)pin(?:_|$)|^DTMF-Digit$|^sip_h_(?:Proxy-)?Authorization$/i;

/** Names of secrets inside a text: `name=value` of a channel variable, a URI parameter, JSON, XML. */
const NAME = '[\\w.-]*(?:passw(?:or)?d|secret|token|api_?key|sip_auth_\\w+|nonce|pn-\\w+|sip\\.instance)[\\w.-]*';
const PLAIN = '(?:(?!%(?:26|2C|3B|7D|5D|20|0A|3C))[^\\s,;&}\\]>"\'<|^])+';
const ASSIGNED = new RegExp(`(${NAME}(?:"\\s*:|\\s*=|%3D)\\s*)("[^"]*"|'[^']*'|${PLAIN})`, 'gi');
const ELEMENT = new RegExp(`(<(${NAME})>)[^<]+(?=</)`, 'gi');
const SCHEME = /\b(Bearer\s+[\w.~+/=-]{8,}|Basic\s+[\w+/=]{8,}|Digest\s+\w+=[^\r\n]*)/gi;
const PARAMETER = /([;?&][^=;?&<>"]+=)("[^"]*"|[^;?&<>"\s]+)/g;

/** The value of a header with every secret in it masked: all of it where the name says so, else what the text itself names. */
export function maskSecretValue(header: string, value: string): string {
  if (value === '') return value;
  const name = header.replace(/^variable_/, '');
  if (SECRET_HEADER.test(name) || namesSecret(name)) return MASK;
  const json = parseObject(value);
  if (json !== undefined) {
    const masked = JSON.stringify(maskDeep(json));
    return masked === JSON.stringify(json) ? value : masked;
  }
  const text = maskUrls(value)
    .replace(ASSIGNED, (_all, given: string, secret: string) => given + quotedLike(secret))
    .replace(ELEMENT, `$1${MASK}`)
    .replace(SCHEME, (all) => `${all.split(/\s/, 1)[0]} ${MASK}`);
  return /contact/i.test(name) ? text.replace(PARAMETER, (_all, given: string, parameter: string) => given + quotedLike(parameter)) : text;
}

/** A body may be JSON, and so may a variable. */
function parseObject(value: string): object | undefined {
  if (!/^\s*[{[]/.test(value)) return undefined;
  try {
    return JSON.parse(value) as object;
  } catch {
    return undefined;
  }
}

function maskDeep(value: unknown): unknown {
  if (typeof value === 'string') return maskSecretValue('', value);
  if (Array.isArray(value)) return value.map(maskDeep);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]: [string, unknown]) => [name, typeof field === 'string' ? maskSecretValue(name, field) : maskDeep(field)]));
}

function quotedLike(secret: string): string {
  const quote = /^["']/.exec(secret)?.[0] ?? '';
  return quote + MASK + quote;
}

/** What stands in the place of a secret. */
export const MASK = '****';

const SECRET_NAME = /passw(or)?d|secret|token(?!_?(uu)?id)|api_?-?key|authorization|^pwd$|^key$/i;

/** Whether a field of this name holds a secret. A second line of defence: the first is never to pass one on. An id of a token is none. */
export function namesSecret(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** The text with the passwords in its URLs masked: `scheme://user:password@host`, and `?password=` and its like. */
export function maskUrls(text: string): string {
  return text
    .replace(/(:\/\/[^\s/:@]*:)(?!\d+[/?#])\S*@/g, `$1${MASK}@`) // digits before a slash are a port
    .replace(/([?&](?:password|passwd|token|secret|api_?key|access_token)=)[^&\s#"]+/gi, `$1${MASK}`);
}

/** A copy of the value with every field masked whose name says that it holds a secret; an empty one stays, for it hides nothing. */
export function maskFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(maskFields);
  if (typeof value === 'string') return maskUrls(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]: [string, unknown]) => [name, namesSecret(name) && field !== '' ? MASK : maskFields(field)]));
}

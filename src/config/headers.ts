/** RFC 9110, 5.1 and 5.5: a name is a token, a value has no control characters. */
const NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]+$/;

/**
 * Headers written as `name=value,name=value`, the form of OTEL_EXPORTER_OTLP_HEADERS (OpenTelemetry, "Protocol exporter"): what would be read as
 * something else, such as a comma in a value, is percent-encoded. Names in lower case. Undefined where the text is no such list, or names one twice.
 */
export function headersIn(text: string): Record<string, string> | undefined {
  const headers = new Map<string, string>();
  for (const pair of text.split(',').filter((part) => part.trim() !== '')) {
    const at = pair.indexOf('=');
    const name = pair.slice(0, Math.max(0, at)).trim().toLowerCase();
    const value = decoded(pair.slice(at + 1).trim());
    if (!NAME.test(name) || value === undefined || !VALUE.test(value) || headers.has(name)) return undefined;
    headers.set(name, value);
  }
  return Object.fromEntries(headers);
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** A host name as names are compared: in lower case, without the dot that may end it. */
export function plainName(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}

/** Whether a list names a host: an entry is a whole name, or `*.` and the domain of which every name below is meant. */
export function isNamedBy(list: readonly string[], host: string): boolean {
  if (list.length === 0) return false;
  const name = plainName(host);
  return list.some((entry) => {
    const plain = plainName(entry);
    return plain.startsWith('*.') ? name.endsWith(plain.slice(1)) && name.length > plain.length - 1 : name === plain;
  });
}

/** RFC 6761, 6.3: these names are this machine, whatever a resolver says. */
export function isLocalhost(host: string): boolean {
  return /(^|\.)localhost\.*$/i.test(host);
}

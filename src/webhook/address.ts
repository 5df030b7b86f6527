import ipaddr, { type IPv4, type IPv6 } from 'ipaddr.js';

/** Whether a webhook may go to an address, and if not, why, in words for the tenant. */
export type Verdict = { kind: 'allowed' } | { kind: 'refused'; reason: string };

/**
 * Whether a webhook may go to a URL. `url` is as given, without its fragment (which is never sent). `lookUp` is the host
 * name that has yet to be resolved and checked; absent where the host is an address, which has been checked.
 */
export type UrlVerdict = { kind: 'allowed'; url: URL; text: string; lookUp?: string } | { kind: 'refused'; reason: string };

/** Judges where webhooks may go. Tenants choose URLs, so without it they could make this machine call its own network. */
export interface AddressPolicy {
  /** Judges one IP address in any textual form. */
  check(ip: string): Verdict;
  /** Judges everything about a URL that can be judged without DNS. */
  checkUrl(text: string): UrlVerdict;
}

const MAX_URL_BYTES = 2_048;

// IANA special-purpose registries (RFC 6890 and successors) under the names that ipaddr.js gives them.
const REASONS: Readonly<Record<string, string>> = {
  unspecified: 'is not the address of a host', broadcast: 'is a broadcast address', multicast: 'is a multicast address',
  linkLocal: 'is a link-local address', loopback: 'is a loopback address', carrierGradeNat: 'is a shared (carrier-grade NAT) address',
  private: 'is a private address', uniqueLocal: 'is a private address', deprecatedSiteLocal: 'is a private address',
};

/**
 * Refuses every address that is not plainly public, save those the operator allows.
 * @param options.allow CIDRs or single addresses, for example `10.1.0.0/16`. Throws on one that is neither.
 */
export function createAddressPolicy({ allow }: { allow: readonly string[] }): AddressPolicy {
  const allowed = allow.map(parseRange);

  function check(ip: string): Verdict {
    if (!ipaddr.isValid(ip)) return { kind: 'refused', reason: 'the address is not an IP address' };
    const address = ipaddr.parse(ip);
    if (allowed.some((range) => contains(range, address))) return { kind: 'allowed' };
    const inner = embedded(address);
    if (inner !== undefined) return check(inner.toString());
    return isPublic(address) ? { kind: 'allowed' } : { kind: 'refused', reason: `${address.toString()} ${REASONS[address.range()] ?? 'is a reserved address'}` };
  }

  function checkHost(host: string): Verdict {
    if (!isLocalhost(host)) return check(host);
    const both = [check('127.0.0.1'), check('::1')];
    return both.find(({ kind }) => kind === 'allowed') ?? { kind: 'refused', reason: `${host} is this machine itself` };
  }

  function checkUrl(text: string): UrlVerdict {
    const url = parse(text);
    if (typeof url === 'string') return { kind: 'refused', reason: url };
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const found = { kind: 'allowed', url, text: text.split('#', 1)[0] ?? '' } as const;
    const isName = !ipaddr.isValid(host);
    if (isName && !isLocalhost(host)) return { ...found, lookUp: host };
    const verdict = checkHost(host);
    if (verdict.kind === 'refused') return verdict;
    return isName ? { ...found, lookUp: host } : found;
  }

  return { check, checkUrl };
}

/** The URL without its fragment, or what is wrong with it. The parser is the one that the request goes through, so both always mean the same host. */
function parse(text: string): URL | string {
  if (Buffer.byteLength(text) > MAX_URL_BYTES) return `is longer than ${MAX_URL_BYTES} bytes`;
  // The parser drops these silently, and what is stored would not be what is called.
  if (/[\u0000-\u0020\u007f]/.test(text)) return 'contains spaces or control characters';
  if (!/^https?:\/\//i.test(text)) return 'is not an http or https URL';
  if (!URL.canParse(text)) return 'is not a valid URL';
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return 'contains a user name or password';
  if (url.hostname.replace(/\.+$/, '') === '') return 'has no host';
  if (url.href.length > MAX_URL_BYTES) return `is longer than ${MAX_URL_BYTES} bytes once encoded`;
  url.hash = '';
  return url;
}

/** RFC 6761, 6.3: these names are this machine, whatever a resolver says. */
function isLocalhost(host: string): boolean {
  return /(^|\.)localhost\.*$/i.test(host);
}

/** The IPv4 address that is really reached: IPv4-mapped (RFC 4291) and NAT64 (RFC 6052) addresses. */
function embedded(address: IPv4 | IPv6): IPv4 | undefined {
  if (address.kind() === 'ipv4') return undefined;
  const bytes = address.toByteArray();
  const prefix = Buffer.from(bytes.slice(0, 12)).toString('hex');
  const embeds = prefix === '00000000000000000000ffff' || prefix === '0064ff9b0000000000000000';
  return embeds ? new ipaddr.IPv4(bytes.slice(12)) : undefined;
}

/** For IPv6, also inside 2000::/3: nothing else has been handed out, and 6to4 and Teredo hide an IPv4 address behind a relay. */
function isPublic(address: IPv4 | IPv6): boolean {
  if (address.range() !== 'unicast') return false;
  return address.kind() === 'ipv4' || ((address.toByteArray()[0] ?? 0) & 0xe0) === 0x20;
}

type Range = [IPv4 | IPv6, number];

function parseRange(text: string): Range {
  try {
    if (text.includes('/')) return ipaddr.parseCIDR(text);
    const address = ipaddr.parse(text);
    return [address, address.kind() === 'ipv4' ? 32 : 128];
  } catch (error) {
    throw new Error(`Allowed address ${JSON.stringify(text)} is neither a CIDR nor an IP address`, { cause: error });
  }
}

function contains([network, bits]: Range, address: IPv4 | IPv6): boolean {
  return network.kind() === address.kind() && address.match(network, bits);
}

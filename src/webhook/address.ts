import { isIP } from 'node:net';
import ipaddr, { type IPv4, type IPv6 } from 'ipaddr.js';
import { isLocalhost, isNamedBy, plainName } from './host-names.js';
import type { OwnAddresses } from './own-addresses.js';

/** Whether a webhook may go to an address, and if not, why, in words for the tenant. */
export type Verdict = { kind: 'allowed' } | { kind: 'refused'; reason: string };

/**
 * Whether a webhook may go to a URL. `url` is as given, without its fragment (which is never sent). `lookUp` is the host
 * name that has yet to be resolved and checked; absent where the host is an address, which has been checked.
 */
export type UrlVerdict = { kind: 'allowed'; readonly url: Readonly<URL>; text: string; lookUp?: string } | { kind: 'refused'; reason: string };

/** By which name and at which port an address is called, where that is known. */
export interface Target { readonly host?: string; readonly port?: number | undefined }

/** Judges where webhooks may go. Tenants choose URLs, so without it they could make this machine call its own network. */
export interface AddressPolicy {
  /** Judges one IP address in any textual form. */
  check(ip: string, target?: Target): Verdict;
  /** Judges everything about a URL that can be judged without DNS. */
  checkUrl(text: string): UrlVerdict;
  /** To be awaited before a check, where it is not undefined: our own services' names have not been resolved yet. */
  refresh(): Promise<void> | undefined;
}

export interface AddressRules {
  /** CIDRs or single addresses that may be called although they are not public, for example `10.1.0.0/16`. */
  allow: readonly string[];
  /** Host names that may be called wherever they lead, see `isNamedBy`. */
  allowHosts?: readonly string[];
  /** Ports below 1024 that may be called besides 80 and 443. */
  allowPorts?: readonly number[];
  /** Where our own services are. */
  own?: OwnAddresses;
}

const MAX_URL_BYTES = 2_048;
const MOST_REMEMBERED = 1_000;
/** From here on ports are anybody's; below are those of mail, SSH, DNS and their like (RFC 6335, 6), and what they would make of a POST. */
const FIRST_USER_PORT = 1_024;

// IANA special-purpose registries (RFC 6890 and successors) under the names that ipaddr.js gives them.
const REASONS: Readonly<Record<string, string>> = {
  unspecified: 'is not the address of a host', broadcast: 'is a broadcast address', multicast: 'is a multicast address',
  linkLocal: 'is a link-local address', loopback: 'is a loopback address', carrierGradeNat: 'is a shared (carrier-grade NAT) address',
  private: 'is a private address', uniqueLocal: 'is a private address', deprecatedSiteLocal: 'is a private address',
};

/**
 * Where a machine in a cloud asks for its own credentials: EC2 and all that are like it, ECS, EKS, Alibaba, Tencent, Oracle, and
 * Azure's (a public one). A network that the operator allows does not mean them.
 */
const METADATA = new Set(['169.254.169.254', '169.254.170.2', '169.254.170.23', '169.254.0.23', '100.100.100.200', '192.0.0.192', '168.63.129.16',
  'fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254']);
const METADATA_NAMES = ['metadata.google.internal', 'metadata.goog', 'metadata', 'instance-data', 'instance-data.ec2.internal', 'metadata.tencentyun.com'];

/**
 * Refuses every address that is not plainly public, save those the operator allows. Of these it still refuses, unless the
 * operator names that very address, a cloud's metadata, and the machine of a switch or of the database (for the latter the
 * host's name does as well); and in any case the port of a switch's event socket and of the database itself. On this machine's loopback
 * only those ports are ours: whoever allows it has receivers there.
 *
 * Throws on an entry of `allow` that is neither a CIDR nor an address.
 */
export function createAddressPolicy({ allow, allowHosts = [], allowPorts = [], own }: AddressRules): AddressPolicy {
  const allowed = allow.map(parseRange);
  const named = new Set(allowed.filter(([network, bits]) => bits === (network.kind() === 'ipv4' ? 32 : 128)).map(([network]) => reached(network).toString()));
  const isOwn = ownership(own);

  /** What is refused although it is public, or in a network that the operator allows. */
  function reserved(address: IPv4 | IPv6, { host = '', port }: Target): string | undefined {
    const text = address.toString();
    const ours = isOwn(text, port);
    const isNamed = named.has(text);
    if (ours === 'port' || (ours === 'machine' && address.range() !== 'loopback' && !isNamed && !isNamedBy(allowHosts, host))) return `${text} belongs to this service itself`;
    return METADATA.has(text) && !isNamed ? `${text} is a metadata service` : undefined;
  }

  function check(ip: string, target: Target = {}): Verdict {
    if (!ipaddr.isValid(ip)) return { kind: 'refused', reason: 'the address is not an IP address' };
    const given = ipaddr.parse(ip);
    const address = reached(given);
    const reason = reserved(address, target);
    if (reason !== undefined) return { kind: 'refused', reason };
    if (allowed.some((range) => contains(range, given) || contains(range, address)) || isNamedBy(allowHosts, target.host ?? '')) return { kind: 'allowed' };
    return isPublic(address) ? { kind: 'allowed' } : { kind: 'refused', reason: `${address.toString()} ${REASONS[address.range()] ?? 'is a reserved address'}` };
  }

  /** This machine under its own name: at least one of its addresses must be allowed. */
  function checkLocalhost(target: Target): Verdict {
    const both = [check('127.0.0.1', target), check('::1', target)];
    return both.find(({ kind }) => kind === 'allowed') ?? { kind: 'refused', reason: `${target.host} is this machine itself` };
  }

  function judge(text: string): UrlVerdict {
    const url = parse(text);
    if (typeof url === 'string') return { kind: 'refused', reason: url };
    const host = hostOf(url);
    const port = portOf(url);
    if (!isUsualPort(port) && !allowPorts.includes(port)) return { kind: 'refused', reason: `port ${port} is not allowed: 80, 443 and those from ${FIRST_USER_PORT} on are` };
    const found = { kind: 'allowed', url, text: text.split('#', 1)[0] ?? '' } as const;
    if (isIP(host) !== 0) {
      const verdict = check(host, { host, port });
      return verdict.kind === 'refused' ? verdict : found;
    }
    if (METADATA_NAMES.includes(plainName(host))) return { kind: 'refused', reason: `${host} is a metadata service` };
    const verdict = isLocalhost(host) ? checkLocalhost({ host, port }) : undefined;
    return verdict?.kind === 'refused' ? verdict : { ...found, lookUp: host };
  }

  return { check, checkUrl: rememberingOf(judge, own), refresh: () => own?.refresh() };
}

/** A URL is judged with each of its webhooks, and always alike until our own services move: that verdict is remembered. */
function rememberingOf(judge: AddressPolicy['checkUrl'], own: OwnAddresses | undefined): AddressPolicy['checkUrl'] {
  const verdicts = new Map<string, UrlVerdict>();
  let seen = own?.known();
  return (text) => {
    const known = own?.known();
    if (known !== seen) verdicts.clear();
    seen = known;
    const remembered = verdicts.get(text);
    if (remembered !== undefined) return remembered;
    if (verdicts.size === MOST_REMEMBERED) verdicts.clear();
    const verdict = judge(text);
    verdicts.set(text, verdict);
    return verdict;
  };
}

/** The host that a URL means, an IPv6 address without its brackets. */
export function hostOf({ hostname }: URL): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}

/** The port that a URL means. */
export function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}

function isUsualPort(port: number): boolean {
  return port === 80 || port === 443 || port >= FIRST_USER_PORT;
}

/** Whether an address is that of a service of ours, and its port as well. */
function ownership(own: OwnAddresses | undefined): (address: string, port: number | undefined) => 'port' | 'machine' | undefined {
  let seen: ReturnType<OwnAddresses['known']> = [];
  const ports = new Map<string, number[]>();
  return (address, port) => {
    const known = own?.known() ?? seen;
    if (known !== seen) {
      seen = known;
      ports.clear();
      for (const one of known.filter((endpoint) => ipaddr.isValid(endpoint.address))) {
        const text = reached(ipaddr.parse(one.address)).toString();
        ports.set(text, [...(ports.get(text) ?? []), one.port]);
      }
    }
    const ours = ports.get(address);
    if (ours === undefined) return undefined;
    return port !== undefined && ours.includes(port) ? 'port' : 'machine';
  };
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

/** The address that is really reached: that in an IPv4-mapped (RFC 4291) or NAT64 (RFC 6052) one. */
function reached(address: IPv4 | IPv6): IPv4 | IPv6 {
  if (address.kind() === 'ipv4') return address;
  const bytes = address.toByteArray();
  const prefix = Buffer.from(bytes.slice(0, 12)).toString('hex');
  const embeds = prefix === '00000000000000000000ffff' || prefix === '0064ff9b0000000000000000';
  return embeds ? new ipaddr.IPv4(bytes.slice(12)) : address;
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

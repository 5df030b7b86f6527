import { isIP, isIPv6 } from 'node:net';
import { kind, type Kind } from './kinds.js';

const isText = (value: unknown): value is string => typeof value === 'string';
const isPort = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= 65_535;
const isListOf = (holds: (value: unknown) => boolean) => (value: unknown): boolean => Array.isArray(value) && value.every(holds);

// Labels of letters, digits and hyphens (RFC 1123, 2.1); names in other scripts are written in their ASCII form, as in DNS.
const HOST_NAME = /^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.?$/i;

/** Host names, or `*.` and a domain for all names below it. */
export const hostNames: Kind<string[]> = kind('list', 'a list of host names, or *. and a domain for all below it, for example hooks.example.com or *.corp.example',
  isListOf((value) => isHostName(value) && isIP(value) === 0));

/** The same, or single IP addresses. */
export const hosts: Kind<string[]> = kind('list', 'a list of host names, of *. and a domain for all below it, or of IP addresses',
  isListOf((value) => isHostName(value) || (isText(value) && isIP(value) !== 0)));

function isHostName(value: unknown): value is string {
  return isText(value) && value.length <= 255 && HOST_NAME.test(value);
}

/** TCP ports. */
export const ports: Kind<number[]> = kind('numbers', 'a list of ports, each from 1 to 65535', isListOf(isPort));

/** DNS servers by address, with or without a port. */
export const dnsServers: Kind<string[]> = kind('list', 'a list of IP addresses of DNS servers, each with or without a port, for example 10.0.0.53, 10.0.0.53:5353 or [fd00::53]:5353',
  isListOf((value) => isText(value) && isServer(value)));

function isServer(text: string): boolean {
  if (isIP(text) !== 0) return true;
  const [, six, four, port] = /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  return (six !== undefined ? isIPv6(six) : four !== undefined && isIP(four) === 4) && isPort(Number(port));
}

/** An outgoing proxy; '' for none. */
export const proxyUrl: Kind<string> = kind('text', 'http://host:port or https://host:port, with user:password@ before the host where the proxy wants it, or empty',
  (value) => value === '' || (isText(value) && isProxy(value)));

function isProxy(text: string): boolean {
  if (!/^https?:\/\/\S+$/i.test(text) || !URL.canParse(text)) return false;
  const { pathname, search, hash, username, password } = new URL(text);
  if (pathname !== '/' || search !== '' || hash !== '') return false;
  try {
    return decodeURIComponent(username + password) !== undefined;
  } catch (error) {
    if (error instanceof URIError) return false;
    throw error;
  }
}

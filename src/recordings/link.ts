import { createHmac, timingSafeEqual } from 'node:crypto';
import { posix } from 'node:path';

/** A recording to link to: its file as the switch names it, whose it is, and when the link's time begins, microseconds since 1970. */
export interface LinkedRecording { readonly file: string; readonly domain: string; readonly atUs: number }

/** What a link stands for, or why it stands for nothing. */
export type ReadLink =
  | { kind: 'valid'; path: string; domain: string }
  | { kind: 'expired' }
  | { kind: 'forged' };

/** Links to recordings: who has one may hear that recording, until it expires, and nothing else. */
export interface Links {
  /** The public URL; '' for a file that does not lie under the directory. */
  linkTo(recording: LinkedRecording): string;
  /** What the last part of such a URL stands for. Takes any text. */
  read(token: string, nowMs: number): ReadLink;
}

export interface LinkOptions {
  /** Absolute. Nothing is looked up on the disk here. */
  directory: string;
  /** Where the daemon's API is reached; may end in a slash. */
  publicUrl: string;
  ttlMs: number;
  secret: string;
}

/** Longer than any that is made: the path may take a kilobyte. */
export const LONGEST_TOKEN = 2_048;
const LONGEST_PATH = 1_024;
/** The secret may sign other things, too. */
const PURPOSE = 'hookswitch recording link 1';

/**
 * The token is `<payload>.<HMAC-SHA256>`, each as base64url; the payload is the expiry in seconds (base 36), the domain and the
 * path under the directory, a line each. A domain has no line break, so it reads back in one way only.
 */
export function createLinks({ directory, publicUrl, ttlMs, secret }: LinkOptions): Links {
  const base = `${publicUrl.replace(/\/+$/, '')}/v1/recording/`;
  const root = `${posix.resolve('/', directory)}/`;
  const sign = (payload: string) => createHmac('sha256', secret).update(PURPOSE).update('\0').update(payload).digest();

  return {
    linkTo({ file, domain, atUs }) {
      const path = posix.resolve(root, file);
      const relative = path.slice(root.length);
      if (file.includes('\0') || !path.startsWith(root) || relative === '' || Buffer.byteLength(relative) > LONGEST_PATH || domain.includes('\n')) return '';
      const expiry = Math.floor((atUs / 1_000 + ttlMs) / 1_000);
      const payload = Buffer.from(`${expiry.toString(36)}\n${domain}\n${relative}`).toString('base64url');
      return `${base}${payload}.${sign(payload).toString('base64url')}`;
    },

    read(token, nowMs) {
      const [, payload = '', signature = ''] = /^([\w-]+)\.([\w-]{43})$/.exec(token.length > LONGEST_TOKEN ? '' : token) ?? [];
      if (!timingSafeEqual(sign(payload), digestIn(signature))) return { kind: 'forged' };
      const [expiry = '', domain = '', ...path] = Buffer.from(payload, 'base64url').toString().split('\n');
      return Number.parseInt(expiry, 36) * 1_000 > nowMs ? { kind: 'valid', path: path.join('\n'), domain } : { kind: 'expired' };
    },
  };
}

/** As long as a digest, whatever the text. */
function digestIn(signature: string): Buffer {
  const bytes = Buffer.from(signature, 'base64url');
  return bytes.length === 32 ? bytes : Buffer.alloc(32);
}

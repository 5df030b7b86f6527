import { createCipheriv, createDecipheriv, createHash, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';

/** Which row a value belongs to: its table and what identifies it there. It is sealed in with the value, which opens for no other row. */
export type RowName = readonly string[];

/** What a stored value turned out to be. */
export type Opened =
  | { readonly kind: 'opened'; readonly text: string }
  /** Sealed with a key that is not configured. */
  | { readonly kind: 'locked'; readonly keyId: string }
  /** Changed since it was sealed, or sealed for another row. */
  | { readonly kind: 'damaged' };

/** Keeps secrets from whoever reads the database, a dump of it or its disk. */
export interface Vault {
  /** How everything that it seals begins; undefined where it has no key and stores text as it is. */
  readonly prefix: string | undefined;
  /** The text as it is to be stored in that row. The empty text stays as it is: it hides nothing. */
  seal(text: string, row: RowName): string;
  /** The text again. One that was stored before there was a key is opened as it is. */
  open(stored: string, row: RowName): Opened;
}

const MARK = 'sealed:';
const FORM = /^sealed:1:([0-9a-f]{8}):([A-Za-z0-9+/]+={0,2})$/;
const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * AES-256-GCM with a random nonce, stored as `sealed:1:<key id>:<base64 of nonce, ciphertext and tag>`. The first key seals, all
 * of them open; without any, text is stored as it is.
 */
export function createVault(keys: readonly Buffer[], random: (bytes: number) => Buffer = randomBytes): Vault {
  const byId = new Map(keys.map((key) => [keyIdOf(key), createSecretKey(key)]));
  const [first] = byId;
  const prefix = first === undefined ? undefined : `${MARK}1:${first[0]}:`;
  return {
    prefix,
    seal: (text, row) => (first === undefined || text === '' ? text : prefix + encrypt(first[1], text, row, random(NONCE_BYTES))),
    open(stored, row) {
      if (!isSealed(stored)) return { kind: 'opened', text: stored };
      const [, keyId = '', sealed = ''] = FORM.exec(stored) ?? [];
      const key = byId.get(keyId);
      if (key === undefined) return keyId === '' ? { kind: 'damaged' } : { kind: 'locked', keyId };
      const text = decrypt(key, sealed, row);
      return text === undefined ? { kind: 'damaged' } : { kind: 'opened', text };
    },
  };
}

/** The vault of keys as they are configured. @throws Error for one that is none; configuration has refused it before. */
export function vaultOf(keys: readonly string[]): Vault {
  return createVault(keys.map((text, index) => {
    const key = keyOf(text);
    if (key === undefined) throw new Error(`Encryption key ${index + 1} is not 32 bytes in base64 or hex`);
    return key;
  }));
}

/** Whether a stored text is, or pretends to be, sealed. */
export function isSealed(stored: string): boolean {
  return stored.startsWith(MARK);
}

/** The 32 bytes of a key written as base64 or as hex; undefined where it is neither. */
export function keyOf(text: string): Buffer | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  return /^[A-Za-z0-9+/]{43}=?$/.test(text) ? Buffer.from(text, 'base64') : undefined;
}

/** What a key is called where it must not be shown: the first 8 hex digits of its SHA-256. */
export function keyIdOf(key: Buffer): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 8);
}

/** A new key as it is configured: 32 random bytes in base64. */
export function newKey(random: Buffer = randomBytes(KEY_BYTES)): string {
  return random.toString('base64');
}

function encrypt(key: KeyObject, text: string, row: RowName, nonce: Buffer): string {
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(nameBytes(row));
  return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64');
}

function decrypt(key: KeyObject, sealed: string, row: RowName): string | undefined {
  const bytes = Buffer.from(sealed, 'base64');
  // In the last character of base64 some bits mean nothing: a text that was changed there is a changed one, too.
  if (bytes.length < NONCE_BYTES + TAG_BYTES || bytes.toString('base64') !== sealed) return undefined;
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
    .setAAD(nameBytes(row)).setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString();
  } catch {
    return undefined; // the tag does not fit, which is all that can go wrong here
  }
}

/** JSON keeps the parts apart: a URL may hold any separator. */
function nameBytes(row: RowName): Buffer {
  return Buffer.from(JSON.stringify(row));
}

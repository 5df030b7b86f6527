import { createVault, isSealed, keyIdOf, keyOf, newKey, vaultOf } from '../../src/seal.js';

const key = (byte: number) => Buffer.alloc(32, byte);
const ROW = ['receiver', 'd0000000-0000-4000-8000-000000000001', 'https://a.example/hook'];
const OTHER = ['receiver', 'd0000000-0000-4000-8000-000000000002', 'https://a.example/hook'];
const vault = createVault([key(1)]);
const opened = (text: string) => ({ kind: 'opened', text });

describe('a sealed text', () => {
  it.each(['k', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'käse ÿ ключ \u{1F511}', 'sealed:1:00000000:AAAA', 'x'.repeat(4_096)])('opens again for its row: %s', (text) => {
    const sealed = vault.seal(text, ROW);
    expect(sealed).toMatch(/^sealed:1:[0-9a-f]{8}:[A-Za-z0-9+/]+={0,2}$/);
    expect(sealed.startsWith(vault.prefix!)).toBe(true);
    if (text.length > 3) expect(sealed).not.toContain(text); // a short one may turn up in any base64
    expect(vault.open(sealed, ROW)).toEqual(opened(text));
  });

  it('is another one each time', () => {
    expect(vault.seal('text', ROW)).not.toBe(vault.seal('text', ROW));
  });

  it('names its key by the first 8 hex digits of the SHA-256 of it', () => {
    expect(vault.seal('text', ROW).split(':')[2]).toBe('72cd6e84'); // printf '\1%.0s' {1..32} | sha256sum
    expect(keyIdOf(key(1))).toBe('72cd6e84');
  });

  it.each([
    ['another tenant', OTHER],
    ['another URL', [ROW[0]!, ROW[1]!, 'https://a.example/hook2']],
    ['another table', ['event_domain', ROW[1]!, ROW[2]!]],
    ['parts that are cut otherwise', [ROW[0]!, `${ROW[1]!}","${ROW[2]!}`]],
    ['no name', []],
  ])('opens for no other row: %s', (_what, row) => {
    expect(vault.open(vault.seal('text', ROW), row)).toEqual({ kind: 'damaged' });
  });

  it('opens no more when any of its characters is another one', () => {
    const sealed = vault.seal('a text of some length', ROW);
    const from = vault.prefix!.length;
    for (let at = from; at < sealed.length; at += 1) {
      for (const other of ['A', 'B', 'Q', '/', '=', '-', '']) {
        const changed = sealed.slice(0, at) + other + sealed.slice(at + 1);
        if (changed !== sealed) expect(vault.open(changed, ROW)).toEqual({ kind: 'damaged' });
      }
    }
  });

  it('opens no more when any bit of its bytes is another one', () => {
    const prefix = vault.prefix!;
    const bytes = Buffer.from(vault.seal('text', ROW).slice(prefix.length), 'base64');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(vault.open(prefix + changed.toString('base64'), ROW)).toEqual({ kind: 'damaged' });
    }
  });

  it('opens no more when it is cut short or longer', () => {
    const sealed = vault.seal('text', ROW);
    for (let length = 'sealed:'.length; length < sealed.length; length += 1) expect(vault.open(sealed.slice(0, length), ROW).kind).not.toBe('opened');
    for (const more of ['A', '=', '====', 'AAAA', '\n']) expect(vault.open(sealed + more, ROW)).toEqual({ kind: 'damaged' });
  });

  it.each(['sealed:', 'sealed:1:', 'sealed:2:72cd6e84:AAAA', 'sealed:1:72CD6E84:AAAA', 'sealed:1:72cd6e84:', 'sealed:1:72cd6e84:AAAA', `sealed:1:72cd6e84:${Buffer.alloc(27).toString('base64')}`])(
    'that is none is never taken for plain text: %s', (text) => {
      expect(vault.open(text, ROW)).toEqual({ kind: 'damaged' });
    });
});

describe('keys', () => {
  it('the first seals, all of them open', () => {
    const [before, between, after] = [createVault([key(1)]), createVault([key(2), key(1)]), createVault([key(2)])];
    const old = before.seal('text', ROW);
    expect(between.open(old, ROW)).toEqual(opened('text'));
    expect(after.open(between.seal('text', ROW), ROW)).toEqual(opened('text'));
    expect(after.open(old, ROW)).toEqual({ kind: 'locked', keyId: '72cd6e84' });
  });

  it('under another key of the same id nothing opens', () => {
    const claimed = vault.seal('text', ROW).replace(vault.prefix!, createVault([key(2)]).prefix!);
    expect(createVault([key(2)]).open(claimed, ROW)).toEqual({ kind: 'damaged' });
  });

  it('that are missing leave text as it is, and open plain text only', () => {
    const none = createVault([]);
    expect(none.prefix).toBeUndefined();
    expect(none.seal('text', ROW)).toBe('text');
    expect(none.open('text', ROW)).toEqual(opened('text'));
    expect(none.open(vault.seal('text', ROW), ROW)).toEqual({ kind: 'locked', keyId: '72cd6e84' });
  });

  it('leave what was stored before there was one readable, and nothing where there is nothing', () => {
    expect(vault.open('plain', ROW)).toEqual(opened('plain'));
    expect(vault.seal('', ROW)).toBe('');
    expect(vault.open('', ROW)).toEqual(opened(''));
    expect([isSealed('plain'), isSealed(vault.seal('plain', ROW))]).toEqual([false, true]);
  });

  it.each([
    ['hex', '01'.repeat(32), true], ['HEX', 'aB'.repeat(32), true], ['base64', key(255).toString('base64'), true], ['base64 without its end', key(9).toString('base64').slice(0, -1), true],
    ['31 bytes', Buffer.alloc(31).toString('base64'), false], ['33 bytes', Buffer.alloc(33).toString('base64'), false], ['63 digits', '0'.repeat(63), false], ['a word', 'secret', false], ['nothing', '', false],
  ])('are written as %s', (_what, text, good) => {
    expect(keyOf(text)?.length).toBe(good ? 32 : undefined);
  });

  it('that are made new can be configured, and are never the same', () => {
    expect(keyOf(newKey())).toHaveLength(32);
    expect(newKey()).not.toBe(newKey());
    expect(vaultOf([key(1).toString('hex'), key(2).toString('base64')]).prefix).toBe(vault.prefix);
    expect(() => vaultOf(['hunter2'])).toThrow(/^Encryption key 1 is not 32 bytes/);
  });
});

import fc from 'fast-check';
import { createLinks, LONGEST_TOKEN } from '../../src/recordings/link.js';

const SECRET = 's'.repeat(32);
const DAY_MS = 86_400_000;
const options = { directory: '/var/lib/fs/recordings', publicUrl: 'https://api.example.test', ttlMs: 30 * DAY_MS, secret: SECRET };
const links = createLinks(options);
const AT_US = Date.UTC(2026, 10, 22) * 1_000;
const linkTo = (file: string, atUs = AT_US) => links.linkTo({ file, domain: 'a.example.test', atUs });
const tokenOf = (url: string) => url.slice(url.lastIndexOf('/') + 1);

it('leads back to the file, under the API\'s public URL, until it expires', () => {
  const url = linkTo('/var/lib/fs/recordings/a.example.test/archive/2026/Nov/22/one.wav');
  expect(url).toMatch(/^https:\/\/api\.example\.test\/v1\/recording\/[\w.-]+$/);
  expect(links.read(tokenOf(url), AT_US / 1_000 + 30 * DAY_MS - 1)).toEqual({ kind: 'valid', path: 'a.example.test/archive/2026/Nov/22/one.wav', domain: 'a.example.test' });
  expect(links.read(tokenOf(url), AT_US / 1_000 + 30 * DAY_MS)).toEqual({ kind: 'expired' });
});

it('is the same whoever makes it', () => {
  expect(createLinks({ ...options, publicUrl: 'https://api.example.test/', directory: '/var/lib/fs/recordings/' }).linkTo({ file: '/var/lib/fs/recordings/x.wav', domain: 'a.example.test', atUs: AT_US }))
    .toBe(linkTo('/var/lib/fs/recordings/x.wav'));
});

it.each([
  ['/etc/passwd'], ['/var/lib/fs/recordings'], ['/var/lib/fs/recordings/'], ['/var/lib/fs/recordings/../secret.wav'], ['/var/lib/fs/recordings-other/x.wav'], ['../x.wav'],
  ['/var/lib/fs/recordings/a\0.wav'], [`/var/lib/fs/recordings/${'x'.repeat(1_025)}`], [''],
])('there is none for %j', (file) => {
  expect(linkTo(file)).toBe('');
});

it.each([
  ['a relative path lies under the directory', 'one.wav', 'one.wav'], ['a detour inside', '/var/lib/fs/recordings/a/../b//./x.wav', 'b/x.wav'],
  ['line breaks and other alphabets', '/var/lib/fs/recordings/a\nb/ễ ?#%2e.wav', 'a\nb/ễ ?#%2e.wav'], ['the longest', `/var/lib/fs/recordings/${'ễ'.repeat(341)}`, 'ễ'.repeat(341)],
])('%s', (_name, file, path) => {
  const token = tokenOf(linkTo(file));
  expect(token.length).toBeLessThanOrEqual(LONGEST_TOKEN);
  expect(links.read(token, 0)).toEqual({ kind: 'valid', path, domain: 'a.example.test' });
});

it('any change of it is a forgery, and so is anything else', () => {
  const token = tokenOf(linkTo('/var/lib/fs/recordings/one.wav'));
  const other = createLinks({ ...options, secret: 't'.repeat(32) }).linkTo({ file: '/var/lib/fs/recordings/one.wav', domain: 'a.example.test', atUs: AT_US });
  expect(links.read(tokenOf(other), 0)).toEqual({ kind: 'forged' });
  fc.assert(fc.property(fc.nat(token.length - 1), fc.constantFrom('A', 'b', '0', '-', '_', '.', ''), (index, character) => {
    const changed = token.slice(0, index) + character + token.slice(index + 1);
    // The last character of a digest carries two bits that do not count.
    fc.pre(changed !== token && index < token.length - 1);
    expect(links.read(changed, 0)).toEqual({ kind: 'forged' });
  }));
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => { expect(links.read(text, 0)).toEqual({ kind: 'forged' }); }));
  expect(links.read('x'.repeat(LONGEST_TOKEN + 1), 0)).toEqual({ kind: 'forged' });
});

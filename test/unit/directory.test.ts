import { createDirectory, type Domain } from '../../src/subscriptions/directory.js';
import type { Subscription } from '../../src/subscriptions/subscription.js';
import { signing } from '../support/signing.js';

const acme: Domain = { id: 'd1', name: 'acme.example', enabled: true };
const other: Domain = { id: 'd2', name: 'other.example', enabled: true };
const wants = (domain: Domain, id: string, event = 'ringing'): Subscription =>
  ({ id, domainId: domain.id, domainName: domain.name, event, url: `https://${id}.example/hook`, apiKey: '', signing, format: 'v1', ratePerSecond: null, enabled: true });

function filled() {
  const directory = createDirectory();
  directory.replaceAll([acme, other], [wants(acme, 's1'), wants(acme, 's2'), wants(acme, 's3', 'cdr'), wants(other, 's4')]);
  return directory;
}
const found = (directory: ReturnType<typeof createDirectory>, domain: string, event = 'ringing') => directory.find(domain, event).map(({ id }) => id);

it('is empty at first', () => {
  const directory = createDirectory();
  expect(directory.isTenant('acme.example')).toBe(false);
  expect(directory.find('acme.example', 'ringing')).toEqual([]);
  expect(directory.size()).toEqual({ domains: 0, subscriptions: 0 });
});

it.each([
  ['acme.example', 'ringing', ['s1', 's2']],
  ['ACME.Example', 'ringing', ['s1', 's2']],
  ['acme.example', 'cdr', ['s3']],
  ['acme.example', 'answered', []],
  ['acme.example', 'Ringing', []],
  ['other.example', 'ringing', ['s4']],
  ['nobody.example', 'ringing', []],
  ['__proto__', 'constructor', []],
])('finds for %s and %s: %j', (domain, event, ids) => {
  expect(found(filled(), domain, event)).toEqual(ids);
});

it('knows a subscription by its id', () => {
  expect(filled().byId('s4')).toEqual(wants(other, 's4'));
  expect(filled().byId('s5')).toBeUndefined();
});

it('keeps a disabled domain as a tenant, for whom nothing is found', () => {
  const directory = createDirectory();
  directory.replaceAll([{ ...acme, enabled: false }], [wants(acme, 's1')]);
  expect(directory.isTenant('ACME.example')).toBe(true);
  expect(found(directory, 'acme.example')).toEqual([]);
  expect(directory.byId('s1')).toBeUndefined();
});

it('leaves out subscriptions whose domain it does not know', () => {
  const directory = createDirectory();
  directory.replaceAll([acme], [wants(other, 's4')]);
  expect(directory.size()).toEqual({ domains: 1, subscriptions: 0 });
});

it('replaces everything', () => {
  const directory = filled();
  directory.replaceAll([other], [wants(other, 's5')]);
  expect(directory.isTenant('acme.example')).toBe(false);
  expect(found(directory, 'other.example')).toEqual(['s5']);
  expect(directory.byId('s4')).toBeUndefined();
  expect(directory.size()).toEqual({ domains: 1, subscriptions: 1 });
});

it('replaces one domain and leaves the others alone', () => {
  const directory = filled();
  directory.replaceDomain('d1', acme, [wants(acme, 's2'), wants(acme, 's6', 'cdr')]);
  expect(found(directory, 'acme.example')).toEqual(['s2']);
  expect(found(directory, 'acme.example', 'cdr')).toEqual(['s6']);
  expect(directory.byId('s1')).toBeUndefined();
  expect(found(directory, 'other.example')).toEqual(['s4']);
  expect(directory.size()).toEqual({ domains: 2, subscriptions: 3 });
});

it('removes a domain with all it had', () => {
  const directory = filled();
  directory.replaceDomain('d1', undefined, []);
  directory.replaceDomain('d9', undefined, []);
  expect(directory.isTenant('acme.example')).toBe(false);
  expect(directory.size()).toEqual({ domains: 1, subscriptions: 1 });
});

it('follows a rename, also when two domains swap their names', () => {
  const directory = filled();
  const [renamed, swapped] = [{ ...acme, name: 'other.example' }, { ...other, name: 'acme.example' }];
  directory.replaceDomain('d1', renamed, [wants(renamed, 's1')]);
  directory.replaceDomain('d2', swapped, [wants(swapped, 's4')]);
  expect(found(directory, 'other.example')).toEqual(['s1']);
  expect(found(directory, 'acme.example')).toEqual(['s4']);
  directory.replaceDomain('d1', { ...acme, name: 'third.example' }, []);
  expect(directory.isTenant('other.example')).toBe(false);
});

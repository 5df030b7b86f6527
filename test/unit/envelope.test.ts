import fc from 'fast-check';
import { promise } from '../../src/ingest/promise.js';
import { askedIn } from '../../src/ingest/asked.js';
import { createDirectory } from '../../src/subscriptions/directory.js';
import type { Subscription } from '../../src/subscriptions/subscription.js';
import { envelope, envelopeRest, withSequence } from '../../src/webhook/envelope.js';
import { eventsOf, play, RULES } from '../support/goldens.js';
import { signing } from '../support/signing.js';

const ID = '6d0a1c1e-6a43-8f6a-9a3b-58c02c3a1f0e';
const domain = { id: 'd1', name: 'a.example.test', enabled: true };
const wants = (id: string, event: string, format: 'v1' | 'v2' = 'v1'): Subscription =>
  ({ id, domainId: 'd1', domainName: domain.name, event, url: `https://${id}.example/hook`, apiKey: '', format, ratePerSecond: null, signing, enabled: true });

it('says when it happened in UTC, to the microsecond', () => {
  const at = (us: number) => (JSON.parse(envelope(ID, envelopeRest({ type: 'cdr', occurredAtUs: us, data: {} }))) as { occurred_at: string }).occurred_at;
  expect([at(1_795_346_887_456_425), at(1_795_346_887_000_000), at(1_795_346_887_999_999), at(7)]).toEqual([
    '2026-11-22T11:28:07.456425Z', '2026-11-22T11:28:07.000000Z', '2026-11-22T11:28:07.999999Z', '1970-01-01T00:00:00.000007Z',
  ]);
});

it('the sequence goes in behind the id, and nothing else changes', () => {
  fc.assert(fc.property(fc.uuid(), fc.integer({ min: 1, max: 2 ** 31 - 1 }), fc.jsonValue(), (id, sequence, value) => {
    const body = envelope(id, envelopeRest({ type: 'hangup', occurredAtUs: 1, synthetic: 'lost', data: { value } }));
    const sent = withSequence(body, id, sequence);
    expect(JSON.parse(sent)).toEqual({ ...JSON.parse(body) as object, sequence });
    expect(Object.keys(JSON.parse(sent) as object).slice(0, 3)).toEqual(['id', 'sequence', 'type']);
  }));
});

it.each([
  ['version 1', '{"application":"dial","call_id":"x"}'],
  ['somebody else\'s id', '{"id":"other","type":"cdr"}'],
  ['no type', `{"id":"${ID}","data":{}}`],
  ['no JSON', ''],
])('leaves a body as it is: %s', (_name, body) => {
  expect(withSequence(body, ID, 3)).toBe(body);
});

it('each subscription gets its own format, with its own id, of one and the same notice', async () => {
  const directory = createDirectory();
  directory.replaceAll([domain], [wants('old', 'cdr'), wants('one', 'cdr', 'v2'), wants('two', 'cdr', 'v2')]);
  const notices = play(await eventsOf('calls/06-inbound-ext-answered'), RULES, askedIn(directory)).notices;
  expect(notices.map(({ detail }) => detail !== undefined)).toEqual([false, false, false, true]);
  const cdr = notices[3]!;
  const [old, one, two] = promise(cdr, directory);
  expect(old!.body).toBe(JSON.stringify(cdr.payload));
  expect(JSON.parse(one!.body)).toMatchObject({ id: one!.id, type: 'cdr', occurred_at: '2026-11-22T11:29:44.316433Z', data: { ...cdr.payload, extension: '1001', hangup_party: 'caller' } });
  expect(one!.body).not.toContain('sequence');
  expect(two!.body).toBe(one!.body.replace(one!.id, two!.id));
});

it('a concluded end says so', () => {
  expect(JSON.parse(envelope(ID, envelopeRest({ type: 'cdr', occurredAtUs: 1, synthetic: 'reconciled', data: {} })))).toMatchObject({ synthetic: 'reconciled' });
});

describe('a directory', () => {
  const asks = (...subscriptions: Subscription[]) => {
    const directory = createDirectory();
    directory.replaceAll([domain], subscriptions);
    return directory;
  };

  it.each<[string, Subscription, boolean]>([
    ['version 1', wants('s', 'cdr'), false], ['version 2', wants('s', 'cdr', 'v2'), true],
    ['missed', wants('s', 'missed'), true], ['recording', wants('s', 'recording'), true], ['an unknown event', wants('s', 'rang', 'v2'), false],
  ])('knows whether anybody asks for more: %s', (_name, subscription, more) => {
    expect(asks(subscription).asksForMore()).toBe(more);
  });

  it('forgets it with the last subscription that does', () => {
    const directory = asks(wants('a', 'missed'), wants('b', 'cdr', 'v2'));
    directory.replaceDomain('d1', domain, [wants('b', 'cdr', 'v2')]);
    expect(directory.asksForMore()).toBe(true);
    directory.replaceDomain('d1', domain, [wants('b', 'cdr')]);
    expect(directory.asksForMore()).toBe(false);
    directory.replaceDomain('d1', { ...domain, enabled: false }, [wants('a', 'missed')]);
    expect(directory.asksForMore()).toBe(false);
  });

  it('asks for a tenant what that tenant asks for', () => {
    const asked = askedIn(asks(wants('a', 'missed', 'v2')));
    expect([asked.event('a.example.test', 'missed'), asked.event('a.example.test', 'recording'), asked.event('b.example.test', 'missed')]).toEqual([true, false, false]);
    expect([asked.detail('a.example.test', 'missed'), asked.detail('a.example.test', 'cdr')]).toEqual([true, false]);
  });
});

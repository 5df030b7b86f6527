import { formatIn } from '../../src/dashboard/format.js';
import { happeningsOf, legsOf, spanOf } from '../../src/dashboard/legs.js';
import { hashOf, routeOf } from '../../src/dashboard/route.js';
import { en } from '../../src/dashboard/words-en.js';
import { vi } from '../../src/dashboard/words-vi.js';
import { languageOf, translating } from '../../src/dashboard/words.js';
import { Latencies } from '../../src/overview/latencies.js';
import { Steps } from '../../src/overview/steps.js';

describe('the dictionaries', () => {
  const places = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

  it.each(Object.keys(en) as (keyof typeof en)[])('%s is said in both languages, with the same places', (word) => {
    expect(vi[word]).not.toBe('');
    expect(places(vi[word])).toEqual(places(en[word]));
  });

  it('have the same words, in the same order', () => {
    expect(Object.keys(vi)).toEqual(Object.keys(en));
  });

  it('nothing was left in English', () => {
    const same = (Object.keys(en) as (keyof typeof en)[]).filter((word) => vi[word] === en[word]);
    expect(same).toEqual(['call.fromTo', 'flows.sinceValue']); // no words in them
  });
});

it.each([[['vi-VN', 'en'], 'vi'], [['en-US'], 'en'], [['fr', 'vi'], 'vi'], [['de'], 'en'], [[], 'en']])('to a browser that asks for %j the page speaks %s', (wanted, language) => {
  expect(languageOf(wanted)).toBe(language);
});

it('a value that a text has no place for, or a place without a value, does no harm', () => {
  expect(translating('en')('call.fromTo', { from: '1001', other: 'x' })).toBe('1001 → {to}');
});

describe('what the address names', () => {
  it.each([
    ['#/call/a%20b', { page: 'call', id: 'a b', query: {} }],
    ['#/deliveries?find=%2B84&state=failed', { page: 'deliveries', id: '', query: { find: '+84', state: 'failed' } }],
    ['', { page: 'overview', id: '', query: {} }],
    ['#/nonsense/x', { page: 'overview', id: '', query: {} }],
    ['#/call/%', { page: 'call', id: '%', query: {} }],
  ])('%s', (hash, route) => {
    expect(routeOf(hash, 'overview')).toEqual(route);
  });

  it('is what was put there', () => {
    expect(routeOf(hashOf('call', 'a/b?c#d', { find: '+1 2', none: '' }), 'overview')).toEqual({ page: 'call', id: 'a/b?c#d', query: { find: '+1 2' } });
  });
});

it.each([[850, '850 ms'], [12_300, '12 sec'], [185_000, '3 min 5 sec'], [7.25, '7.3 ms'], [7_200_000, '2 hr'], [90_000_000, '1 day 1 hr']])('%d ms read as %s', (ms, text) => {
  expect(formatIn('en', ['en-US']).span(ms)).toBe(text);
});

it('figures and times are written as the viewer writes them, in his zone', () => {
  const format = formatIn('vi', ['vi-VN'], 'Asia/Ho_Chi_Minh');
  expect(format.number(1_234_567.5, 1)).toBe('1.234.567,5');
  expect(format.time('2026-11-22T17:00:00Z')).toBe('00:00:00');
});

describe('a call as its webhooks told it', () => {
  const told = (event: string, call_id: string, at: string, callback_url = 'https://example.com/') => ({
    delivery_id: `${event} ${call_id} ${callback_url}`, event, state: 'delivered' as const, call_id, flow_id: 'f', callback_url, last_status: 200, last_reason: null, from_number: '1', to_number: call_id, occurred_at: at, created_at: at, attempts: [],
  });
  const deliveries = [
    told('ringing', 'a', '2026-01-01T10:00:00Z'), told('ringing', 'b', '2026-01-01T10:00:01Z'), told('ringing', 'a', '2026-01-01T10:00:00Z', 'https://other.example/'),
    told('answered', 'b', '2026-01-01T10:00:05Z'), told('hangup', 'a', '2026-01-01T10:00:05Z'), told('hangup', 'b', '2026-01-01T10:01:00Z'), told('cdr', 'f', '2026-01-01T10:01:00Z'),
  ];
  const at = (time: string) => Date.parse(`2026-01-01T${time}Z`);

  it('has one leg for each call_id but the record’s, with the times that were told', () => {
    expect(legsOf(deliveries)).toEqual([
      { id: 'a', from: '1', to: 'a', rangAt: at('10:00:00'), answeredAt: undefined, endedAt: at('10:00:05') },
      { id: 'b', from: '1', to: 'b', rangAt: at('10:00:01'), answeredAt: at('10:00:05'), endedAt: at('10:01:00') },
    ]);
  });

  it('has one happening for what several subscriptions were told', () => {
    expect(happeningsOf(deliveries).map(({ event, deliveries: of }) => [event, of.length])).toEqual([['ringing', 2], ['ringing', 1], ['answered', 1], ['hangup', 1], ['hangup', 1], ['cdr', 1]]);
  });

  it('goes on until now while a leg is up, but not for ever', () => {
    const [leg] = legsOf([told('ringing', 'a', '2026-01-01T10:00:00Z')]);
    expect(spanOf([leg!], at('10:00:30'))).toEqual({ fromMs: at('10:00:00'), toMs: at('10:00:30') });
    expect(spanOf([leg!], at('10:00:00') + 7 * 86_400_000)).toEqual({ fromMs: at('10:00:00'), toMs: at('10:00:01') });
  });
});

describe('the last quarter of an hour', () => {
  it('is counted by stretches, those without anything among them, and what is older is forgotten', () => {
    const steps = new Steps<{ count: number }>({ stepMs: 10, most: 4, empty: () => ({ count: 0 }) });
    for (const [nowMs, count] of [[5, 1], [25, 2], [31, 4]] as const) steps.at(nowMs).count += count;
    expect(steps.last(45, 3).map(({ step, agoMs }) => [agoMs, step.count])).toEqual([[35, 0], [25, 2], [15, 4]]);
    steps.at(1_000).count += 1;
    expect(steps.last(1_000, 3).map(({ step }) => step.count)).toEqual([0, 0, 0]);
  });

  it('knows how long things took to within a quarter', () => {
    const latencies = new Latencies();
    for (let ms = 1; ms <= 1_000; ms++) latencies.add(ms);
    for (const [share, ms] of [[0.5, 500], [0.99, 990]] as const) {
      expect(latencies.quantile(share)).toBeGreaterThanOrEqual(ms);
      expect(latencies.quantile(share)).toBeLessThanOrEqual(ms * 1.26);
    }
    expect(new Latencies().quantile(0.5)).toBeNull();
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import { CALL_STATES, type Payload } from '../../src/calls/notice.js';
import { REMEDIES } from '../../src/cli/check/finding.js';
import { describeConfig } from '../../src/config.js';
import { FILE_VARIABLE, TOKEN_VARIABLE } from '../../src/config/sources.js';
import { deliver } from '../../src/delivery/deliver.js';
import { EVENTS } from '../../src/esl/link.js';
import { createMetrics } from '../../src/metrics.js';
import { madePages } from '../../src/pages/all.js';
import { promise } from '../../src/ingest/promise.js';
import { withSequence } from '../../src/webhook/envelope.js';
import { newSecret, sign, SigningKey } from '../../src/webhook/sign.js';
import { eventsOf, EVERYTHING, goldensOf, play, RULES } from '../support/goldens.js';
import { SECRET, signing } from '../support/signing.js';
import { SUBSCRIPTION, promiseTo } from '../delivery/promise.js';
import { manualClock } from '../esl/manual-clock.js';

const ROOT = new URL('../../', import.meta.url);
const PAGES = ['README.md', ...readdirSync(new URL('docs/', ROOT), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)];
const SETTINGS = [...PAGES, 'deploy/hookswitch.env.example', 'deploy/hookswitch.service', 'Dockerfile', 'compose.yaml'];

const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');
const keys = describeConfig();

/** Rows of the tables of a page, as cells without their backticks. */
function rows(page: string): string[][] {
  return read(page).split('\n').filter((line) => line.startsWith('|')).map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim().replace(/^`(.*)`$/, '$1')));
}

/** Code blocks of one language. */
function blocks(page: string, language: string): string[] {
  return [...read(page).matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map((match) => match[1]!);
}

/** The words in a cell, which may list several. */
const words = (cell: string) => cell.split(/[`, ]+/).filter((word) => word !== '');

it.each(SETTINGS)('%s names no variable that does not exist', (page) => {
  const known = new Set([FILE_VARIABLE, TOKEN_VARIABLE, 'HOOKSWITCH_', ...keys.map(({ env }) => env)]);
  expect([...read(page).matchAll(/\bHOOKSWITCH_[A-Z_]*/g)].map(([name]) => name).filter((name) => !known.has(name))).toEqual([]);
});

it('the table of the README shows each key with its variable and default', () => {
  const shown = rows('README.md').filter(([, key]) => keys.some((known) => known.key === key)).map(([env, key, value]) => ({ env: env === '–' ? '' : env, key, value }));
  expect(shown.length).toBeGreaterThan(20);
  expect(shown).toEqual(shown.map(({ key }) => {
    const known = keys.find((candidate) => candidate.key === key)!;
    return { env: known.env, key, value: JSON.stringify(known.default) };
  }));
});

it.each(Object.entries(madePages()))('%s is what `npm run docs` makes of the code', (path, text) => {
  expect(read(path)).toBe(text);
});

it.each(PAGES)('%s names no key that does not exist', (page) => {
  const sections = new Set(keys.map(({ key }) => key.split('.')[0]));
  const named = [...read(page).matchAll(/`([a-z]+(?:\.[a-zA-Z]+)+)`/g)].map((match) => match[1]!).filter((name) => sections.has(name.split('.')[0]));
  expect(named.filter((name) => !keys.some(({ key }) => key === name || key.startsWith(`${name}.`)))).toEqual([]);
});

const defaultOf = (name: string) => keys.find(({ key }) => key === name)!.default;
const inWords = (ms: number) => (ms < 60_000 ? `${ms / 1_000} s` : ms < 3_600_000 ? `${ms / 60_000} min` : ms < 86_400_000 ? `${ms / 3_600_000} h` : `${ms / 86_400_000} days`);

it('the waits that receivers are told of are those that hold', () => {
  expect(read('docs/webhooks.md')).toContain(`**: ${(defaultOf('delivery.retryMs') as number[]).map(inWords).join(', ')}, each`);
});

it('the times to live that receivers are told of are those that hold', () => {
  const times = CALL_STATES.map((state) => `\`${state}\` after ${inWords(defaultOf(`delivery.ttlMs.${state}`) as number)}`);
  expect(read('docs/webhooks.md')).toContain(`**: ${times.join(', ')}.`);
});

it('the headers that receivers are told of are those that are sent', async () => {
  const sent: Record<string, string> = {};
  await deliver({ ...promiseTo('http://receiver.test/', 'flow', 1), day: '2026-01-01', sequence: 1, attempt: 2, attemptsBefore: 1, alone: false, synthetic: 'lost', replayed: true, expiresAtMs: null }, {
    send: ({ headers }) => { Object.assign(sent, headers); return Promise.resolve({ kind: 'answered', status: 200, excerpt: '', timing: { totalMs: 1 } }); },
    subscriptionOf: () => ({ id: SUBSCRIPTION, domainId: '', domainName: '', event: 'ringing', url: '', apiKey: 'key', signing, format: 'v1', ratePerSecond: null, enabled: true }),
    mayPost: () => true,
    policy: { waitsMs: [], jitter: 0, random: () => 0.5 },
    trace: { traceparent: () => '00-1-1-01', attempted: () => {} },
    clock: manualClock().clock, metrics: createMetrics(), headers: { userAgent: '', keyHeader: 'authorization', keyScheme: 'Bearer' },
  }, new AbortController().signal);
  const told = read('docs/webhooks.md').split('| header | meaning |')[1]!.split('\n\n')[0]!;
  const named = [...told.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1]!);
  expect(['content-type', 'user-agent', ...named].sort()).toEqual(Object.keys(sent).sort());
});

it('what receivers are given to verify a signature with does so', async () => {
  const [source] = blocks('docs/webhooks.md', 'js');
  const { isGenuine } = await import(`data:text/javascript,${encodeURIComponent(source!)}`) as { isGenuine: (headers: object, body: Buffer, secret: string) => boolean };
  const [body, timestamp] = [Buffer.from('{"from":"Zoë"}'), String(Math.floor(Date.now() / 1_000))];
  const headers = { 'webhook-id': 'x', 'webhook-timestamp': timestamp, 'webhook-signature': sign({ id: 'x', timestamp, body }, [SigningKey.of(newSecret())!, SigningKey.of(SECRET)!]) };
  const answers = [isGenuine(headers, body, SECRET), isGenuine(headers, Buffer.from('{}'), SECRET), isGenuine({ ...headers, 'webhook-timestamp': '1' }, body, SECRET), isGenuine({}, body, SECRET)];
  expect(answers).toEqual([true, false, false, false]);
});

describe('of a recorded call', () => {
  let told: Payload[];
  beforeAll(async () => { told = (await goldensOf('calls/06-inbound-ext-answered')).map(({ payload }) => payload); });

  it('the bodies of hangup and cdr are those that receivers are shown', () => {
    const shown = blocks('docs/webhooks.md', 'json').map((text) => JSON.stringify(JSON.parse(text)));
    expect(shown.slice(0, 2)).toEqual(told.slice(-2).map((payload) => JSON.stringify(payload)));
  });

  it('the body of version 2 is the one that receivers are shown', async () => {
    const hangup = play(await eventsOf('calls/09-ringgroup-simultaneous'), RULES, EVERYTHING).notices.filter(({ state }) => state === 'hangup').at(-1)!;
    const subscription = { id: SUBSCRIPTION, domainId: '', domainName: '', event: 'hangup', url: '', apiKey: '', format: 'v2', ratePerSecond: null, signing, enabled: true } as const;
    const [{ id, body } = { id: '', body: '' }] = promise(hangup, { find: () => [subscription] });
    expect(blocks('docs/webhooks.md', 'json').slice(2).map((text) => JSON.stringify(JSON.parse(text)))).toEqual([withSequence(body, id, 7)]);
  });

  it('version 2 says what its schema says', () => {
    const { properties, $defs } = JSON.parse(read('schemas/webhook-v2.json')) as { properties: object; $defs: { detail: { properties: object } } };
    const fieldsOf = (heading: string) => read('docs/webhooks.md').split(heading)[1]!.split('\n\n')[0]!.split('\n').slice(2).flatMap((row) => words(row.split('|')[1]!));
    expect(fieldsOf('| around `data` | |').sort()).toEqual(Object.keys(properties).filter((name) => name !== 'data').sort());
    expect(fieldsOf('| in `data` | meaning |').sort()).toEqual(Object.keys($defs.detail.properties).sort());
  });

  it('the reasons of a missed call are those of the schema', () => {
    const { oneOf } = JSON.parse(read('schemas/webhook-v1.json')) as { oneOf: { properties: { missed_reason?: { enum: string[] } } }[] };
    const told = read('docs/webhooks.md').split('| `missed_reason` | |')[1]!.split('\n\n')[0]!.split('\n').slice(2).flatMap((row) => words(row.split('|')[1]!));
    expect(told.sort()).toEqual(oneOf.flatMap(({ properties }) => properties.missed_reason?.enum ?? []).sort());
  });

  it('the fields are those that receivers are told of', () => {
    const table = rows('docs/webhooks.md').filter(([, where]) => where === 'all' || (CALL_STATES as readonly string[]).includes(where ?? ''));
    expect(table.flatMap(([names = '']) => words(names)).sort()).toEqual([...new Set(told.flatMap((payload) => Object.keys(payload)))].sort());
  });
});

it('the subscription that is shown is the one that the switch gets', () => {
  expect(read('docs/freeswitch.md')).toContain(`\nevent json ${EVENTS.join(' ')}\n`);
});

it('the checks that operators are told of are those that there are', () => {
  const table = read('docs/operations.md').split('| check | finds |')[1]!.split('\n\n')[0]!;
  expect([...table.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1]!)).toEqual(Object.keys(REMEDIES));
});

it('the log lines that operators are told of are written somewhere', () => {
  const table = read('docs/operations.md').split('| line | so |')[1]!.split('\n\n')[0]!;
  const told = [...table.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1]!);
  const files = readdirSync(new URL('src/', ROOT), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const source = files.map((name) => read(`src/${name}`)).join('');
  expect(told.length).toBeGreaterThan(5);
  expect(told.filter((line) => !source.includes(`'${line}'`))).toEqual([]);
});

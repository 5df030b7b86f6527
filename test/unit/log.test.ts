import { PassThrough } from 'node:stream';
import { createLogger, type LogFields, type LogOptions } from '../../src/log.js';

const at = new Date('2026-01-01T12:00:00.123Z');

/** A log into memory; `text()` is what was written so far. */
function memory(options: Partial<LogOptions> & { terminal?: boolean } = {}) {
  const stream = Object.assign(new PassThrough(), options.terminal === undefined ? {} : { isTTY: options.terminal });
  const log = createLogger({ level: 'info', format: 'json', stream, now: () => at, ...options });
  const text = () => String(stream.read() as Buffer | null ?? '');
  return { log, stream, text, entries: () => text().split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>) };
}

/** What the type forbids and an unforeseen error brings all the same. */
const wild = (fields: Record<string, unknown>) => fields as LogFields;

it('writes a JSON object a line, with its fields flat and those of its parents', () => {
  const { log, text } = memory();
  log.child({ switch: 'a', n: 1 }).child({ n: 2 }).info('link up', { attempt: 3, gone: undefined });
  expect(text()).toBe('{"timestamp":"2026-01-01T12:00:00.123Z","level":"info","message":"link up","switch":"a","n":2,"attempt":3}\n');
});

it('leaves out what matters less than its level', () => {
  const { log, entries } = memory({ level: 'warn' });
  log.debug('a'); log.info('b'); log.warn('c'); log.error('d');
  expect(entries().map(({ level, message }) => [level, message])).toEqual([['warn', 'c'], ['error', 'd']]);
});

it.each([
  ['a password', { password: 'hunter2' }],
  ['a token', { token: 'hunter2' }],
  ['a key', { callback_apikey: 'hunter2', apiKey: 'hunter2', 'api-key': 'hunter2' }],
  ['a header', { Authorization: 'Bearer hunter2' }],
  ['a secret', { clientSecret: 'hunter2' }],
  ['a URL', { url: 'postgres://user:hunter2@db:5432/x' }],
  ['a URL whose password holds a slash', { url: 'postgres://user:hunter2/hunter2@db/x' }],
  ['a query', { url: 'https://x/hook?a=1&token=hunter2' }],
  ['an error', { error: new Error('x', { cause: new Error('no way to postgres://u:hunter2@db') }) }],
  ['an object', { given: { deep: [{ password: 'hunter2' }] } }],
])('masks %s', (_name, fields) => {
  const { log, text } = memory();
  log.info('to redis://:hunter2@cache', wild(fields));
  expect(text()).toMatch(/^(?!.*hunter2).*\*\*\*\*/);
});

it('leaves alone what only resembles a secret', () => {
  const fields = { token_uuid: '0a', tokenId: 1, url: 'http://10.0.0.1:8080/hook?to=a@b', note: 'a: b@c' };
  const { log, entries } = memory();
  log.info('x', fields);
  expect(entries()).toEqual([expect.objectContaining(fields)]);
});

it('never throws, whatever a field holds', () => {
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  const { log, entries } = memory();
  log.error('odd', wild({
    big: 12n, error: new TypeError('boom', { cause: 'why' }), circle, date: at, noDate: new Date(NaN), nan: NaN, nil: null, symbol: Symbol('s'),
    trap: { get x(): never { throw new Error('trap'); } }, message: 'mine', level: 'mine', list: [1, 2],
  }));
  expect(entries()).toEqual([{
    timestamp: at.toISOString(), level: 'error', message: 'odd', big: '12', error: "TypeError: boom < 'why'", circle: '[unreadable]', date: at.toISOString(),
    noDate: '[unreadable]', nan: 'NaN', nil: 'null', symbol: 'Symbol(s)', trap: '[unreadable]', field_message: 'mine', field_level: 'mine', list: '[1,2]',
  }]);
});

it('cuts an endless text', () => {
  const { log, text } = memory();
  log.info('x'.repeat(1_000_000), { y: 'y'.repeat(1_000_000) });
  expect(text().length).toBeLessThan(9_000);
});

it('outlives its reader', () => {
  const { log, stream } = memory();
  stream.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  log.info('nobody reads this');
  expect(stream.read()).toBeNull();
});

describe('as text', () => {
  it('is aligned, and quotes what could be taken for something else', () => {
    const { log, text } = memory({ format: 'text' });
    log.warn('link down', { switch: 'a', reason: 'no answer', forged: 'x\n2026 INFO all is well', empty: '', bidi: '\u202e\u009b1m' });
    expect(text()).toBe(`2026-01-01T12:00:00.123Z WARN  ${'link down'.padEnd(36)} switch=a reason="no answer" forged="x\\n2026 INFO all is well" empty="" bidi="?1m"\n`);
  });

  it.each([[true, true], [false, false], [undefined, false]])('with terminal %p has colour %p', (terminal, coloured) => {
    const { log, text } = memory({ format: 'text', ...(terminal !== undefined && { terminal }) });
    log.info('x\u001b[2J');
    expect(text()).toBe(`2026-01-01T12:00:00.123Z ${coloured ? '\u001b[36mINFO \u001b[39m' : 'INFO '} x [2J\n`);
  });

  it.each([[true, '2026-'], [false, '{"tim']])('is the form of auto with terminal %p: %s', (terminal, start) => {
    const { log, text } = memory({ format: 'auto', terminal });
    log.info('x');
    expect(text().slice(0, 5)).toBe(start);
  });
});

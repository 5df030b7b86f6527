import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readdir, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.js';
import { createLinks } from '../../src/recordings/link.js';
import { openRecordings } from '../../src/recordings/recordings.js';
import { silentLog } from '../support/silent-log.js';
import { startApi, type Api } from './support.js';

const SECRET = 's'.repeat(32);
const CONTENT = 'RIFF, and what it says.';
const HANDLER_TIMEOUT_MS = 30;
const NOW = new Date('2026-11-22T12:00:00Z');
const MODIFIED = new Date('2026-11-21T10:11:12Z');

let folder: string;
let directory: string;
let api: Api;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recordings-'));
  directory = join(folder, 'recordings');
  await mkdir(join(directory, 'a.example.test'), { recursive: true });
  await Promise.all([
    ...['one.wav', 'two.mp3', 'three.ogg', 'four.opus', 'five.m4a', 'six.flac', 'seven.txt', 'CAPS.WAV', 'Nguyễn "Á".wav', 'a b.wav'].map((name) => writeFile(join(directory, 'a.example.test', name), CONTENT)),
    writeFile(join(directory, 'empty.wav'), ''),
    writeFile(join(folder, 'outside.wav'), 'secret'),
  ]);
  await utimes(join(directory, 'a.example.test', 'one.wav'), MODIFIED, MODIFIED);
  await symlink(join(folder, 'outside.wav'), join(directory, 'out.wav'));
  await symlink(folder, join(directory, 'up'));
  await symlink(join(directory, 'a.example.test', 'one.wav'), join(directory, 'in.wav'));
  await symlink('round.wav', join(directory, 'round.wav'));
  execFileSync('mkfifo', [join(directory, 'pipe.wav')]);
  const options = { directory, publicUrl: 'http://api.example.test', ttlMs: 60_000, secret: SECRET, dataDir: folder };
  api = await startApi({ recordings: await openRecordings(options, { clock: { now: () => NOW }, log: silentLog }), handlerTimeoutMs: HANDLER_TIMEOUT_MS });
});
afterAll(async () => {
  await api.stop();
  await rm(folder, { recursive: true });
});

/** The path of a link to a file under the directory, whatever may lie there. */
function linkTo(path: string, at = NOW): string {
  const links = createLinks({ directory: '/any', publicUrl: '', ttlMs: 60_000, secret: SECRET });
  return links.linkTo({ file: `/any/${path}`, domain: 'a.example.test', atUs: at.getTime() * 1_000 });
}
const ONE = linkTo('a.example.test/one.wav');
const get = (path: string, headers: Record<string, string> = {}, method = 'GET') => api.ask(method, path, { headers });

it('plays a recording for whoever has the link', async () => {
  const { status, headers, text } = await get(ONE);
  expect({ status, text }).toEqual({ status: 200, text: CONTENT });
  expect(headers).toMatchObject({
    'content-type': 'audio/wav', 'content-length': String(CONTENT.length), 'accept-ranges': 'bytes', 'last-modified': MODIFIED.toUTCString(), 'cache-control': 'private',
    'content-disposition': 'inline; filename="one.wav"', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer',
    'content-security-policy': "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  });
  expect(headers['etag']).toMatch(/^"[\w-]+"$/);
});

it.each([
  ['two.mp3', 'audio/mpeg'], ['three.ogg', 'audio/ogg'], ['four.opus', 'audio/ogg; codecs=opus'], ['five.m4a', 'audio/mp4'], ['six.flac', 'audio/flac'], ['CAPS.WAV', 'audio/wav'], ['seven.txt', 'application/octet-stream'],
])('says by its ending what %s is', async (name, type) => {
  expect((await get(linkTo(`a.example.test/${name}`))).headers['content-type']).toBe(type);
});

it.each([
  ['a b.wav', 'inline; filename="a b.wav"'],
  ['Nguyễn "Á".wav', `inline; filename="Nguy_n ___.wav"; filename*=UTF-8''Nguy%E1%BB%85n%20%22%C3%81%22.wav`],
])('names the file for who saves it: %s', async (name, disposition) => {
  expect((await get(linkTo(`a.example.test/${name}`))).headers['content-disposition']).toBe(disposition);
});

describe('parts', () => {
  it.each([
    ['bytes=0-3', 'RIFF', 'bytes 0-3/23'], ['bytes=19-', 'ays.', 'bytes 19-22/23'], ['bytes=-4', 'ays.', 'bytes 19-22/23'], ['bytes=4-4', ',', 'bytes 4-4/23'], ['bytes=0-999', CONTENT, 'bytes 0-22/23'],
  ])('%s', async (range, text, contentRange) => {
    const answer = await get(ONE, { range });
    expect([answer.status, answer.text, answer.headers['content-range'], answer.headers['content-length']]).toEqual([206, text, contentRange, String(text.length)]);
  });

  it.each(['bytes=23-', 'bytes=-0'])('%s is refused, with the length that there is', async (range) => {
    const { status, headers } = await get(ONE, { range });
    expect([status, headers['content-range'], headers['content-type']]).toEqual([416, 'bytes */23', 'application/problem+json']);
  });

  it.each(['bytes=5-1', 'bytes=0-1,4-5', 'seconds=1-2', 'nonsense'])('%s is passed over', async (range) => {
    expect(await get(ONE, { range })).toMatchObject({ status: 200, text: CONTENT });
  });

  it('only of the file that the client has begun with', async () => {
    const { headers } = await get(ONE);
    const status = async (ifRange: string) => (await get(ONE, { range: 'bytes=0-1', 'if-range': ifRange })).status;
    expect([await status(headers['etag']!), await status(headers['last-modified']!), await status('"other"'), await status(new Date(0).toUTCString())]).toEqual([206, 206, 200, 200]);
  });
});

it('does not send what the client has already', async () => {
  const { headers: { etag = '', 'last-modified': modified = '' } } = await get(ONE);
  const status = async (headers: Record<string, string>) => (await get(ONE, headers)).status;
  expect(await Promise.all([
    status({ 'if-none-match': etag }), status({ 'if-none-match': `"x", W/${etag}` }), status({ 'if-none-match': '*' }), status({ 'if-modified-since': modified }),
    status({ 'if-none-match': '"x"' }), status({ 'if-none-match': '"x"', 'if-modified-since': modified }), status({ 'if-modified-since': new Date(0).toUTCString() }), status({ 'if-modified-since': 'long ago' }),
  ])).toEqual([304, 304, 304, 304, 200, 200, 200, 200]);
});

it('tells HEAD the same and sends nothing', async () => {
  const [whole, head] = [await get(ONE), await get(ONE, { range: 'bytes=0-1' }, 'HEAD')];
  const told = ({ headers: { 'content-type': type, 'content-length': length, etag, 'accept-ranges': ranges } }: typeof whole) => ({ type, length, etag, ranges });
  expect([head.status, head.text, told(head)]).toEqual([200, '', told(whole)]);
});

it('plays a file of no length', async () => {
  const empty = linkTo('empty.wav');
  expect(await get(empty)).toMatchObject({ status: 200, text: '', headers: { 'content-length': '0', 'content-type': 'audio/wav' } });
  expect((await get(empty, { range: 'bytes=0-' })).status).toBe(416);
  expect((await get(empty, {}, 'HEAD')).headers['content-length']).toBe('0');
});

it('follows a link that stays inside', async () => {
  expect(await get(linkTo('in.wav'))).toMatchObject({ status: 200, text: CONTENT, headers: { 'content-disposition': 'inline; filename="one.wav"' } });
});

describe('nothing else is shown', () => {
  it.each(['out.wav', 'up/outside.wav', 'round.wav', 'pipe.wav', 'a.example.test', 'missing.wav', 'a.example.test/one.wav/x', 'x'.repeat(300)])('%s, even by a link that is signed', async (path) => {
    const { status, json } = await get(linkTo(path));
    expect([status, json]).toEqual([404, { type: 'about:blank', title: 'Not Found', status: 404, detail: 'There is no such recording.' }]);
  });

  it.each([
    '..%2f..%2foutside.wav', '%2e%2e%2foutside.wav', '..', '%2fetc%2fpasswd', 'one.wav', 'a.example.test%2fone.wav', '%00', 'x%00.wav', '%ff', 'a'.repeat(100), 'a'.repeat(2_048), 'a'.repeat(2_049), '.', '%2e',
    `${'A'.repeat(40)}.${'A'.repeat(43)}`, encodeURIComponent('{"path":"one.wav"}'),
  ])('%s is no link', async (token) => {
    const { status, headers } = await get(`/v1/recording/${token}`);
    expect([400, 404, 414]).toContain(status);
    expect(headers['content-type']).toBe('application/problem+json');
  });

  it('a link whose end has come is gone', async () => {
    const { status, json } = await get(linkTo('a.example.test/one.wav', new Date(NOW.getTime() - 60_000)));
    expect([status, json]).toEqual([410, { type: 'about:blank', title: 'Gone', status: 410, detail: 'This link has expired.' }]);
  });

  it('a link that is changed by one character is none', async () => {
    const token = ONE.slice('/v1/recording/'.length);
    const other = token.startsWith('A') ? 'B' : 'A';
    expect((await get(`/v1/recording/${other}${token.slice(1)}`)).status).toBe(404);
  });

  it('nor taken', async () => {
    const { status, headers } = await get(ONE, {}, 'POST');
    expect([status, headers['allow']]).toEqual([405, 'GET, HEAD']);
  });
});

describe('a large recording', () => {
  const MIB = 2 ** 20;
  const large = linkTo('large.wav');

  async function makeLarge(size: number): Promise<void> {
    const file = await open(join(directory, 'large.wav'), 'w');
    await file.truncate(size);
    await file.close();
  }

  /** The answer, not read yet. */
  async function begin(): Promise<IncomingMessage> {
    const asked = request({ host: '127.0.0.1', port: api.port, path: large, agent: false }).end();
    const [response] = await once(asked, 'response') as [IncomingMessage];
    return response;
  }

  it('is never in memory as a whole', async () => {
    await makeLarge(1_024 * MIB);
    const before = process.memoryUsage.rss();
    const response = await begin();
    await once(response, 'readable');
    expect(response.headers['content-length']).toBe(String(1_024 * MIB));
    expect(process.memoryUsage.rss() - before).toBeLessThan(256 * MIB);
    response.destroy();
  });

  it('may take longer than other answers', async () => {
    await makeLarge(16 * MIB);
    const response = await begin();
    await systemClock.sleep(HANDLER_TIMEOUT_MS * 3, new AbortController().signal); // more than the sockets hold is left
    let received = 0;
    for await (const chunk of response) received += (chunk as Buffer).length;
    expect(received).toBe(16 * MIB);
  });

  it('that becomes shorter meanwhile ends with its connection, not with a hang', async () => {
    await makeLarge(64 * MIB);
    const response = await begin();
    await truncate(join(directory, 'large.wav'), 1_000);
    const read = async () => { for await (const chunk of response) void chunk; };
    await expect(read()).rejects.toThrow('aborted');
  });

  it('is let go of when the client leaves', async () => {
    const descriptors = async () => (await readdir('/proc/self/fd')).length;
    await makeLarge(64 * MIB);
    const before = await descriptors();
    const responses = await Promise.all(Array.from({ length: 20 }, begin));
    expect(await descriptors()).toBeGreaterThan(before + 20);
    await Promise.all(responses.map(async (response) => { response.destroy(); await once(response, 'close'); }));
    for (let tries = 0; tries < 100 && await descriptors() > before + 5; tries += 1) await get(ONE);
    expect(await descriptors()).toBeLessThanOrEqual(before + 5);
  });
});

it('counts what it served, by how', async () => {
  const counted = async (): Promise<Record<string, number>> => Object.fromEntries([...(await api.ask('GET', '/metrics')).text.matchAll(/^hookswitch_recordings_served_total\{outcome="(\w+)"\} (\d+)/gm)].map(([, outcome = '', count]) => [outcome, Number(count)]));
  const before = await counted();
  await get(ONE);
  await get(ONE, { range: 'bytes=0-3' });
  await get(linkTo('a.example.test/none.wav'));
  const after = await counted();
  const more = (outcome: string) => (after[outcome] ?? 0) - (before[outcome] ?? 0);
  expect({ whole: more('whole'), part: more('part'), missing: more('missing'), expired: more('expired') }).toEqual({ whole: 1, part: 1, missing: 1, expired: 0 });
});

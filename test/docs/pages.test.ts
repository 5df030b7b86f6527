import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { promisify } from 'node:util';
import { describeConfig } from '../../src/config.js';
import { openApiDocument } from '../../src/http/openapi/document.js';

const ROOT = new URL('../../', import.meta.url);
const SKIPPED = new Set(['node_modules', 'dist', 'var', '.git']);

const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');
const isThere = (path: string) => statSync(new URL(path, ROOT), { throwIfNoEntry: false }) !== undefined;

/** All files below a folder of the package whose names end so, as paths from its root. */
function filesBelow(folder: string, extension: string): string[] {
  return readdirSync(new URL(folder, ROOT), { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name)) return [];
    if (entry.isDirectory()) return filesBelow(`${folder}${entry.name}/`, extension);
    return entry.name.endsWith(extension) ? [`${folder}${entry.name}`] : [];
  });
}

const PAGES = filesBelow('', '.md');
const TRANSLATED = PAGES.filter((page) => page.startsWith('docs/vi/'));
const original = (page: string) => page.replace('docs/vi/', 'docs/');

/** A page without its code, where nothing is a link or a heading. */
const prose = (page: string) => read(page).replace(/^```.*?^```$/gms, '').replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]]/g, ' '));

/** What the headings of a page are called in a link: as GitHub does it, repeated ones counted. */
function anchorsOf(page: string): Set<string> {
  const seen = new Map<string, number>();
  return new Set([...prose(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => {
    const slug = heading!.toLowerCase().replace(/[^\p{L}\p{M}\p{N} _-]/gu, '').replaceAll(' ', '-');
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    return before === 0 ? slug : `${slug}-${before}`;
  }));
}

/** The code blocks of a page, without what is said in them about the code. */
const blocks = (page: string) => [...read(page).matchAll(/^```\w*\n(.*?)^```$/gms)].map(([, code]) => code!.replace(/\s+(#|--) .*$/gm, ''));

const images = (page: string) => [...prose(page).matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)].map(([, path]) => path!.split('/').at(-1)!.replace(/(\.vi)?\.svg$/, ''));

it.each(PAGES)('%s links to files and headings that are there', (page) => {
  const links = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!).filter((link) => !/^[a-z]+:/.test(link));
  expect(links.filter((link) => {
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? page : new URL(path, new URL(page, ROOT)).href.slice(ROOT.href.length);
    return !isThere(target) || (anchor !== undefined && !anchorsOf(target).has(decodeURIComponent(anchor)));
  })).toEqual([]);
});

it('the index leads to every page, in both languages', () => {
  const pages = (below: string) => PAGES.filter((page) => page.startsWith(below) && !page.endsWith('/README.md'));
  const unlinked = (index: string, below: string) => pages(below).filter((page) => !read(index).includes(`(${page.slice(below.length)}`));
  expect(unlinked('docs/README.md', 'docs/').filter((page) => !TRANSLATED.includes(page))).toEqual([]);
  expect(unlinked('docs/vi/README.md', 'docs/vi/')).toEqual([]);
});

it('every page shows its files as they are', async () => {
  const { stderr } = await promisify(execFile)(process.execPath, ['scripts/embed.mjs', '--check'], { cwd: ROOT.pathname });
  expect(stderr).toBe('');
});

it.each(['docs/calls.md', 'docs/vi/calls.md'])('%s shows every picture once', (page) => {
  expect(images(page).sort()).toEqual(filesBelow('docs/diagrams/', '.txt').map((path) => path.slice('docs/diagrams/'.length, -'.txt'.length)).sort());
});

describe('the Vietnamese pages', () => {
  it.each(TRANSLATED)('%s shows no other code than its original', (page) => {
    const known = blocks(original(page));
    expect(blocks(page).filter((block) => !known.includes(block))).toEqual([]);
  });

  it.each(TRANSLATED)('%s has the headings of its original, each at its level, unless it says that it is shorter', (page) => {
    const levels = (path: string) => [...prose(path).matchAll(/^(#+) /gm)].map(([, marks]) => marks!.length);
    const shorter = ['docs/vi/README.md', 'docs/vi/freeswitch.md', 'docs/vi/webhooks.md'];
    if (shorter.includes(page)) expect(levels(page).length).toBeLessThanOrEqual(levels(original(page)).length);
    else expect(levels(page)).toEqual(levels(original(page)));
  });

  it('the contract has the same headers, fields and values as the original, in its tables', () => {
    const cells = (page: string) => [...new Set(prose(page).split('\n').filter((line) => line.startsWith('| `')).map((line) => line.split('|')[1]!.trim()))].sort();
    expect(cells('docs/vi/webhooks.md')).toEqual(cells('docs/webhooks.md').filter((cell) => !cell.startsWith('`/')));
  });
});

describe('what the pages say of the software', () => {
  const source = filesBelow('src/', '.ts').map(read).join('');
  const defaults = new Map(describeConfig().map(({ key, default: value }) => [key, value]));
  const paths = Object.keys(openApiDocument({ version: '0', recordings: true }).paths).map((path) => new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`));

  it.each(PAGES)('%s names only headers that are sent or read', (page) => {
    const named = [...read(page).matchAll(/\b(?:x-hookswitch|webhook)-[a-z]+\b/g)].map(([name]) => name).filter((name) => !/^webhook-v\d?$/.test(name));
    expect(named.filter((name) => !source.includes(`'${name}'`))).toEqual([]);
  });

  it.each(PAGES.filter((page) => page.startsWith('docs/')))('%s names only paths of the API that there are', (page) => {
    const named = [...read(page).matchAll(/(?<![\w.])\/v1\/[\w/<>-]*/g)].map(([path]) => path.replace(/[/]$/, '')).filter((path) => path !== '/v1' && path !== '/v1/admin');
    expect(named.filter((path) => !paths.some((known) => known.test(path)))).toEqual([]);
  });

  it.each([['docs/reliability.md', 'min', 'h'], ['docs/vi/reliability.md', 'phút', 'giờ']])('%s tells the waits that hold', (page, minutes, hours) => {
    const inWords = (ms: number) => (ms < 60_000 ? `${ms / 1_000} s` : ms < 3_600_000 ? `${ms / 60_000} ${minutes}` : `${ms / 3_600_000} ${hours}`);
    expect(read(page)).toContain(`**${(defaults.get('delivery.retryMs') as number[]).map(inWords).join(', ')}**`);
  });

  it.each([
    ['delivery.breaker.failures', 10], ['delivery.breaker.minSamples', 20], ['delivery.breaker.share', 0.5], ['delivery.breaker.windowMs', 60_000], ['delivery.breaker.firstProbeMs', 15_000],
    ['delivery.breaker.lastProbeMs', 600_000], ['delivery.disableAfterMs', 5 * 86_400_000], ['delivery.timeoutMs', 10_000], ['delivery.perUrl', 8], ['delivery.holdMs', 600_000],
    ['delivery.ttlMs.ringing', 900_000], ['delivery.ttlMs.answered', 900_000], ['delivery.ttlMs.hangup', 3 * 86_400_000], ['delivery.ttlMs.cdr', 3 * 86_400_000],
    ['delivery.leaseMs', 15_000], ['retention.deliveredDays', 14], ['retention.abandonedDays', 30], ['database.poolSize', 10], ['ingest.maxBuffered', 100_000], ['cdr.waitMs', 30_000],
  ])('%s is what they say: %s', (key, said) => {
    expect(defaults.get(key)).toBe(said);
  });
});

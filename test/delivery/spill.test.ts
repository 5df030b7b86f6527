import { appendFile, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.js';
import type { Item } from '../../src/delivery/incoming.js';
import { createSpill, type Spill } from '../../src/delivery/spill.js';
import { itemOf, lineOf } from '../../src/delivery/spill-line.js';
import type { Logger } from '../../src/log.js';
import { promiseTo } from './promise.js';

/** Beyond what a process id can be. */
const NOBODY = 2 ** 30;

let parent: string;
let folder: string;
let said: string[];
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'hookswitch-spill-'));
  folder = join(parent, 'spill');
  said = [];
});
afterEach(() => rm(parent, { recursive: true }));

/** At the beginning of the process, by its own clock. */
const NOW = { wallMs: Date.UTC(2026, 0, 1), monotonicMs: 0 };

function spillOf(pid: number, second = 0): Spill {
  const say = (message: string) => { said.push(message); };
  const log: Logger = { debug: say, info: say, warn: say, error: say, child: () => log };
  return createSpill(folder, { clock: { ...systemClock, now: () => new Date(Date.UTC(2026, 0, 1, 0, 0, second)), monotonicMs: () => second * 1_000 }, log, pid });
}

function item(flowId: string, position = 1): Item {
  const delivery = promiseTo('http://a/ü', flowId, position, { synthetic: 'lost', body: '{"line":"\\n\u2028"}' });
  delete (delivery as { receivedAtMs?: number }).receivedAtMs;
  return { promises: [{ delivery, ttlMs: 900_000, expiresAtMs: 600_000 }, { delivery: { ...delivery, id: delivery.id.replace(/^./, 'f') }, ttlMs: null, expiresAtMs: null }], flow: { switchName: 'pbx', flowId, coreId: 'c', position, state: '{}' } };
}

const flowsOf = (items: readonly Item[]) => items.map(({ flow }) => flow!.flowId);

/** What is left of 10 min by the clock of the process that takes them up, so much later by the machine's. */
const leftAfter = (laterMs: number) => itemOf(lineOf(item('x'), NOW), { wallMs: NOW.wallMs + laterMs, monotonicMs: 50 })!.promises[0]!.expiresAtMs! - 50;

describe('the time that is left', () => {
  it.each<[string, number, number]>([
    ['is less by what has passed', 120_000, 480_000],
    ['is no more than it was, though the machine\'s clock was set back', -3_600_000, 600_000],
    ['is a minute at least, for the clock may have been set forward', 3_600_000, 60_000],
  ])('%s', (_name, laterMs, expected) => {
    expect(leftAfter(laterMs)).toBe(expected);
  });

  it('is never lengthened: what had less than a minute has that', () => {
    const short = { promises: item('x').promises.map((promise) => ({ ...promise, expiresAtMs: 20_000 })) };
    expect(itemOf(lineOf(short, NOW), { ...NOW, wallMs: NOW.wallMs + 3_600_000 })!.promises[0]!.expiresAtMs).toBe(20_000);
  });

  it('of a line from before it was written so is what the machine\'s clock says', () => {
    const { deliveries } = JSON.parse(lineOf(item('x'), NOW)) as { deliveries: Record<string, unknown>[] };
    for (const each of deliveries) for (const name of ['ttlMs', 'leftMs', 'flowDay', 'fromNumber', 'toNumber']) delete each[name];
    const [first, second] = itemOf(JSON.stringify({ deliveries }), { ...NOW, wallMs: NOW.wallMs + 500_000 })!.promises;
    expect([first, second]).toMatchObject([{ ttlMs: 100_000, expiresAtMs: 100_000, delivery: { flowDay: '2026-01-01', fromNumber: '' } }, { ttlMs: null, expiresAtMs: null }]);
  });
});

describe('a line', () => {
  it('gives back the item, but not when its event was read', () => {
    const { promises, flow } = item('x');
    const read = { promises: promises.map((promise) => ({ ...promise, delivery: { ...promise.delivery, receivedAtMs: 5 } })), flow: flow! };
    expect(itemOf(lineOf(read, NOW), NOW)).toEqual({ promises, flow });
  });

  it('holds also a record alone, an end, and deliveries alone', () => {
    const { promises, flow } = item('x');
    for (const each of [{ promises: [], flow: { ...flow!, state: null } }, { promises }] as Item[]) expect(itemOf(lineOf(each, NOW), NOW)).toEqual(each);
  });

  const broken = (change: (value: { deliveries: Record<string, unknown>[]; flow: Record<string, unknown> }) => unknown) => {
    const value = JSON.parse(lineOf(item('x'), NOW)) as { deliveries: Record<string, unknown>[]; flow: Record<string, unknown> };
    change(value);
    return JSON.stringify(value);
  };
  it.each<[string, string]>([
    ['no JSON', '{"deliveries":'], ['no object', 'null'], ['nothing', '{"deliveries":[]}'], ['no list', '{"deliveries":{}}'],
    ['an id that is none', broken(({ deliveries: [first] }) => { first!['id'] = 'x'; })],
    ['no body', broken(({ deliveries: [first] }) => { delete first!['body']; })],
    ['a time that is none', broken(({ deliveries: [first] }) => { first!['occurredAt'] = 'yesterday'; })],
    ['a position that is none', broken(({ deliveries: [, second] }) => { second!['position'] = '1'; })],
    ['a record that is none', broken(({ flow }) => { delete flow['state']; })],
  ])('with %s is none', (_name, line) => {
    expect(itemOf(line, NOW)).toBeUndefined();
  });
});

describe('the files', () => {
  it('are whole, in their order, for nobody else to read, and stay until they are done with', async () => {
    await spillOf(NOBODY, 1).write([item('c')]);
    await spillOf(NOBODY, 0).write([item('a'), item('b')]);
    const [name] = await readdir(folder);
    expect([(await stat(folder)).mode & 0o777, (await stat(join(folder, name!))).mode & 0o777]).toEqual([0o700, 0o600]);
    const files = await spillOf(process.pid).take();
    expect(files.map(({ items }) => flowsOf(items))).toEqual([['a', 'b'], ['c']]);
    expect(files[0]!.items[0]).toEqual(item('a'));
    expect(await readdir(folder)).toHaveLength(2);
    for (const file of files) await file.done();
    expect(await readdir(folder)).toEqual([]);
  });

  it('may be larger than what is read at once', async () => {
    const flows = Array.from({ length: 3_000 }, (_, index) => `flow ${index}`);
    await spillOf(NOBODY).write(flows.map((flow) => item(flow)));
    const [file] = await spillOf(process.pid).take();
    expect(flowsOf(file!.items)).toEqual(flows);
  });

  it('that were never there are none', async () => {
    expect(await spillOf(process.pid).take()).toEqual([]);
  });

  it('go to one process each, and to the next when that has died', async () => {
    for (let second = 0; second < 20; second += 1) await spillOf(NOBODY, second).write([item(`flow ${second}`)]);
    const [ours, theirs] = await Promise.all([spillOf(process.pid).take(), spillOf(process.ppid).take()]);
    expect(ours.length + theirs.length).toBe(20);
    expect(await spillOf(process.pid).take()).toHaveLength(ours.length); // started again under the same number
    expect(said.filter((line) => line === 'a spill file is in the hands of another process')).toHaveLength(theirs.length);
    for (const name of await readdir(folder)) await rename(join(folder, name), join(folder, name.replace(/\d+$/, String(NOBODY))));
    expect(await spillOf(process.pid).take()).toHaveLength(20);
  });

  it('with a torn last line lose that line, aloud', async () => {
    await spillOf(NOBODY).write([item('a'), item('b')]);
    const path = join(folder, (await readdir(folder))[0]!);
    await writeFile(path, (await readFile(path, 'utf8')).slice(0, -20));
    const [file] = await spillOf(process.pid).take();
    expect(flowsOf(file!.items)).toEqual(['a']);
    expect(said).toContain('the last line of a spill file is torn and skipped');
    await file!.done();
    expect(await readdir(folder)).toEqual([]);
  });

  it('with anything else that cannot be read give what can, and are kept aside', async () => {
    await spillOf(NOBODY).write([item('a')]);
    const name = (await readdir(folder))[0]!;
    await appendFile(join(folder, name), `rubbish\n${lineOf(item('b'), NOW)}`);
    const [file] = await spillOf(process.pid).take();
    expect(flowsOf(file!.items)).toEqual(['a', 'b']);
    expect(said).toContain('a spill file has lines that cannot be read, and is kept aside');
    await file!.done();
    expect(await readdir(folder)).toEqual([`${name}.${process.pid}.bad`]);
    expect(await spillOf(process.pid).take()).toEqual([]);
  });

  it('that were taken and not done with make way for the one that has what is left of them', async () => {
    await spillOf(NOBODY).write([item('a'), item('b')]);
    const spill = spillOf(process.pid, 1);
    const [file] = await spill.take();
    await spill.write(file!.items.slice(1));
    const again = await spillOf(process.pid).take();
    expect(again.map(({ items }) => flowsOf(items))).toEqual([['b']]);
  });

  it('that cannot be written are an error', async () => {
    await writeFile(folder, 'in the way');
    await expect(spillOf(NOBODY).write([item('a')])).rejects.toMatchObject({ code: 'EEXIST' });
  });
});

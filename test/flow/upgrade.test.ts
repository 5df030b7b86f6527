import { startDaemon, type DaemonProcess } from '../support/daemon.js';
import { recordedCalls } from '../support/goldens.js';
import { nextRelease, type Release } from '../support/release.js';
import { countOf, expectedOf, newCall, received, start, type NewCall } from './flow.js';

const MIGRATION = '9000_next';
/** What a release may bring: another column, an index, a table. */
const CHANGE = `
  alter table delivery add column remark text;
  create index delivery_remark on delivery (remark);
  create table remark (id bigint primary key);`;

let flow: Awaited<ReturnType<typeof start>>;
let release: Release | undefined;
let newer: DaemonProcess | undefined;
afterEach(async () => {
  await newer?.stop('SIGKILL');
  await release?.remove();
  await flow.stop();
  [newer, release] = [undefined, undefined];
});

const settings = () => ({ DATABASE_URL: flow.database.url, HOOKSWITCH_SWITCH_PORT: String(flow.pbx.port), HOOKSWITCH_NAME: 'newer' });
const everyCall = async (): Promise<NewCall[]> => await Promise.all((await recordedCalls()).map(newCall));
const versionAt = async ({ api }: DaemonProcess) => /^hookswitch_build_info\{.*\bversion="([^"]+)"/m.exec(await (await fetch(`${api}/metrics`)).text())?.[1];

/** Every event up to the middle of its call, or from there on. */
async function play(calls: readonly NewCall[], part: 'first half' | 'second half' | 'whole'): Promise<void> {
  const half = (events: NewCall['recording']['events']) => (part === 'first half' ? events.slice(0, events.length >> 1) : part === 'whole' ? events : events.slice(events.length >> 1));
  await Promise.all(calls.map(({ recording }) => flow.pbx.replay.play({ events: half(recording.events) }, { pace: 'full' })));
}

it('a release and the next one work side by side, and the older one hands over while calls are up: each webhook once, in order', async () => {
  flow = await start({ HOOKSWITCH_NAME: 'older' });
  release = await nextRelease({ version: '99.0.0', migration: MIGRATION, sql: `-- compatible: yes\n${CHANGE}` });
  const [beside, over, after] = [await everyCall(), await everyCall(), await everyCall()];
  await play(beside, 'first half');

  newer = await startDaemon(settings(), release.program);
  await flow.pbx.subscribed(2);
  await newer.said('migration applied', ({ name }) => name === MIGRATION);
  expect([await versionAt(flow.daemon), await versionAt(newer)]).toEqual([expect.not.stringMatching('99.0.0'), '99.0.0']);

  await play(beside, 'second half');
  await play(over, 'first half');
  await flow.committed();
  expect(await flow.daemon.stop('SIGTERM')).toBe(0);
  await play(over, 'second half');
  await play(after, 'whole');

  const calls = [...beside, ...over, ...after];
  await flow.receiver.received(countOf(calls));
  await flow.committed();
  expect(flow.receiver.posts).toHaveLength(countOf(calls));
  expect(received(flow.receiver.posts, calls)).toEqual(expectedOf(calls));
  await expect(flow.restart()).rejects.toThrow(`is ahead of this build: it has seen ${MIGRATION}`);
});

it('a release that the running one cannot live with does not start beside it, says whom to stop, and takes over afterwards', async () => {
  flow = await start({ HOOKSWITCH_NAME: 'older' });
  release = await nextRelease({ version: '99.0.0', migration: MIGRATION, sql: `-- compatible: no\n${CHANGE}` });
  const [first, second] = [await everyCall(), await everyCall()];
  await expect(startDaemon(settings(), release.program)).rejects.toThrow(new RegExp(`cannot live with ${MIGRATION}: older \\(\\d`));
  await play(first, 'whole');
  await flow.committed();
  expect(await flow.daemon.stop('SIGTERM')).toBe(0);

  newer = await startDaemon(settings(), release.program);
  await flow.pbx.subscribed(2);
  await play(second, 'whole');
  const calls = [...first, ...second];
  await flow.receiver.received(countOf(calls));
  await flow.committed();
  expect(received(flow.receiver.posts, calls)).toEqual(expectedOf(calls));
});

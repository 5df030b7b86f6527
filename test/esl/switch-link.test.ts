import type { SwitchEvent } from '../../src/calls/event.js';
import { systemClock } from '../../src/clock.js';
import { backoffMs, quickMs } from '../../src/esl/backoff.js';
import type { LinkEnd } from '../../src/esl/link-end.js';
import { Milestone } from '../../src/esl/milestone.js';
import { SwitchLink, type SwitchLinkDeps } from '../../src/esl/switch-link.js';
import { eventFrame } from '../../src/esl/wire.js';
import { createMetrics } from '../../src/metrics.js';
import { PASSWORD, startSwitch, type TestSwitch } from '../support/switch.js';
import { capturedLog } from './captured-log.js';
import { manualClock } from './manual-clock.js';

let fake: TestSwitch;
const links: SwitchLink[] = [];
beforeEach(async () => { fake = await startSwitch(); });
afterEach(async () => {
  await Promise.all(links.splice(0).map((link) => link.stop()));
  await fake.close();
});

async function start(overrides: Partial<SwitchLinkDeps> = {}) {
  const { log, lines } = capturedLog();
  const metrics = createMetrics();
  const events = new Milestone<SwitchEvent>();
  const ups = new Milestone<void>();
  const downs = new Milestone<LinkEnd>();
  const link = new SwitchLink({ switchName: 'pbx1', host: '127.0.0.1', port: fake.port, password: PASSWORD, subclasses: [] }, {
    clock: systemClock, random: () => 0.5, log, metrics,
    onEvent: (event) => events.reach(event), onUp: () => ups.reach(), onDown: (end) => downs.reach(end), ...overrides,
  });
  links.push(link);
  await link.start();
  const figure = async (name: string) => (await metrics.registry.getSingleMetricAsString(`hookswitch_${name}`)).split('\n').filter((line) => !line.startsWith('#'));
  return { link, lines, events, ups, downs, figure };
}

const UP = 'info link to the switch is up';
const CONNECTING = () => `info connecting to the switch host=127.0.0.1 port=${fake.port}`;
const answered = { 'Event-Name': 'CHANNEL_ANSWER', 'Unique-ID': 'u' };

describe('backoff', () => {
  it.each([
    [1, 0, 375], [1, 0.999, 500], [2, 0.999, 1_000], [3, 0.999, 2_000], [7, 0, 22_500], [7, 0.999, 29_993], [1_000, 0.999, 29_993],
  ])('after failure %i with chance %d: %i ms', (failures, chance, ms) => {
    expect(backoffMs(failures, () => chance)).toBe(ms);
  });
});

it('tells of every event as it comes, with heartbeats and the shutdown', async () => {
  const { events, ups, link, figure } = await start();
  await ups.wait(1);
  expect(link.isUp()).toBe(true);
  await fake.replay.send(answered);
  await fake.replay.heartbeat();
  await fake.replay.send({ 'Event-Name': 'SHUTDOWN' });
  await fake.raw(eventFrame('{"Event-Name":"MADE_UP_BY_SOMEONE"}'));
  await events.wait(4);
  expect((await events.wait(1)).get('Unique-ID')).toBe('u');
  expect([await events.wait(2), await events.wait(3)].map(({ name }) => name)).toEqual(['HEARTBEAT', 'SHUTDOWN']);
  expect(await figure('events_total')).toEqual([
    'hookswitch_events_total{switch="pbx1",event="CHANNEL_ANSWER"} 1', 'hookswitch_events_total{switch="pbx1",event="HEARTBEAT"} 1',
    'hookswitch_events_total{switch="pbx1",event="SHUTDOWN"} 1', 'hookswitch_events_total{switch="pbx1",event="other"} 1',
  ]);
  expect(await figure('switch_link_up')).toEqual(['hookswitch_switch_link_up{switch="pbx1"} 1']);
});

describe('a link that is lost', () => {
  it('is opened again after 0.5 s, doubling to 30 s, and says nothing of the retries', async () => {
    const { asleep, advance, clock } = manualClock();
    const { ups, downs, lines, link } = await start({ clock });
    await ups.wait(1);
    const { port } = fake;
    await fake.hangUp();
    expect(await downs.wait(1)).toEqual({ kind: 'closed' });
    expect(link.isUp()).toBe(false);
    await asleep(438);
    await fake.close();
    for (const waitMs of [438, 875, 1_750, 3_500, 7_000, 14_000, 26_250, 26_250, 26_250]) {
      await asleep(waitMs);
      advance(waitMs);
    }
    await asleep(26_250);
    fake = await startSwitch({ port });
    advance(26_250);
    await ups.wait(2);
    expect(lines).toEqual([
      CONNECTING(), UP, 'warn link to the switch is down reason=closed', 'warn link to the switch is down reason=refused ECONNREFUSED', UP,
    ]);
  });

  it.each([
    ['quickly when it had been up for a minute', 60_000, 438],
    ['more slowly when it had not', 59_999, 875],
  ])('is opened again %s', async (_rule, upForMs, waitMs) => {
    const { asleep, advance, clock } = manualClock();
    const { ups } = await start({ clock });
    await ups.wait(1);
    await fake.sent();
    fake.reset();
    await asleep(438);
    advance(438);
    await ups.wait(2);
    await fake.subscribed(2);
    await fake.sent();
    advance(upForMs);
    fake.reset();
    expect(await asleep(400, 900)).toBe(waitMs);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['said goodbye', () => fake.dismiss('shutting-down')],
    ['closed it', () => fake.hangUp()],
  ])('is opened again within 150 ms when the switch %s and it had been up for 5 s, then as usual', async (_how, act) => {
    const { asleep, advance, clock } = manualClock();
    const { ups, downs } = await start({ clock });
    await ups.wait(1);
    advance(5_000);
    await act();
    await downs.wait(1);
    fake.behave('silent');
    expect(await asleep(50, 150)).toBe(100);
    advance(100);
    await asleep(10_000);
    advance(10_000); // the login that is not answered in time
    await asleep(438);
  });

  it('is not opened again so quickly when it had been up for less than 5 s', async () => {
    const { asleep, advance, clock, asleepNow } = manualClock();
    const { ups } = await start({ clock });
    await ups.wait(1);
    advance(4_999);
    await fake.hangUp();
    await asleep(438);
    expect(asleepNow()).toEqual([438]);
  });

  it.each([[0, 50], [0.999, 150]])('quickly is 50 to 150 ms: with chance %d %i ms', (chance, ms) => {
    expect(quickMs(() => chance)).toBe(ms);
  });

  it('tells once that it is down and why, before it tries again', async () => {
    const { clock, asleep, advance } = manualClock();
    const { ups, downs, events, figure } = await start({ clock });
    await ups.wait(1);
    await fake.replay.send(answered);
    await fake.dismiss('shutting-down');
    await asleep(438);
    expect(events.count).toBe(1);
    expect(await downs.wait(1)).toEqual({ kind: 'disconnect-notice', shuttingDown: true });
    expect(await figure('switch_link_ends_total')).toEqual(['hookswitch_switch_link_ends_total{switch="pbx1",reason="disconnect-notice"} 1']);
    expect(await figure('switch_link_up')).toEqual(['hookswitch_switch_link_up{switch="pbx1"} 0']);
    fake.behave('reject-password');
    advance(438);
    await asleep(30_000);
    expect(downs.count).toBe(1); // it had not been up in between
  });
});

describe('what only the operator can mend', () => {
  it.each([
    ['reject-password', 'error the switch refuses us reason=wrong-password remedy=set the password of this switch to that of event_socket.conf.xml'],
    ['acl-rejection', 'error the switch refuses us reason=acl-rejected remedy=allow the address of this host in apply-inbound-acl of event_socket.conf.xml'],
  ] as const)('%s is said once with what to do, and tried every 30 s', async (behaviour, line) => {
    const { asleep, advance, clock } = manualClock();
    fake.behave(behaviour);
    const { lines, ups } = await start({ clock });
    for (let times = 0; times < 3; times += 1) {
      await asleep(30_000);
      advance(30_000);
    }
    await asleep(30_000);
    expect(lines).toEqual([CONNECTING(), line]);
    fake.behave('well');
    advance(30_000);
    await ups.wait(1);
    expect(lines.slice(2)).toEqual([UP]);
    expect(JSON.stringify(lines)).not.toContain(PASSWORD);
  });

  it('another refusal is another line', async () => {
    const { asleep, advance, clock } = manualClock();
    fake.behave('reject-password');
    const { lines } = await start({ clock });
    await asleep(30_000);
    fake.behave('acl-rejection');
    advance(30_000);
    await asleep(30_000);
    expect(lines.map((line) => /reason=([\w-]+)/.exec(line)?.[1])).toEqual([undefined, 'wrong-password', 'acl-rejected']);
  });
});

it('outlives a handler that throws: said once per event name, counted each time', async () => {
  const seen = new Milestone<string>();
  const { ups, lines, figure, link } = await start({ onEvent: (event) => { seen.reach(event.name); throw new Error('a fault of ours'); } });
  await ups.wait(1);
  await fake.replay.send(answered);
  await fake.replay.send(answered);
  await fake.replay.heartbeat();
  await seen.wait(3);
  expect(link.isUp()).toBe(true);
  const said = lines.filter((line) => line.startsWith('error handler failed')).map((line) => /event=(\w+) error=(.*)/.exec(line)!.slice(1, 3));
  expect(said).toEqual([['CHANNEL_ANSWER', 'Error: a fault of ours'], ['HEARTBEAT', 'Error: a fault of ours']]);
  expect(await figure('event_handler_failures_total')).toEqual(['hookswitch_event_handler_failures_total{switch="pbx1"} 3']);
});

it('says the first malformed frame of a kind on a link, and counts them all', async () => {
  const { ups, events, lines, figure } = await start();
  await ups.wait(1);
  for (let times = 0; times < 5; times += 1) await fake.raw(eventFrame('{"bad":json}'));
  await fake.raw(eventFrame('{}'));
  await fake.replay.send(answered);
  await events.wait(1);
  expect(lines.slice(2)).toEqual(['warn bytes from the switch could not be understood kind=bad-json', 'warn bytes from the switch could not be understood kind=no-event-name']);
  expect(await figure('malformed_frames_total')).toEqual([
    'hookswitch_malformed_frames_total{switch="pbx1",kind="bad-json"} 5', 'hookswitch_malformed_frames_total{switch="pbx1",kind="no-event-name"} 1',
  ]);
});

it('drops an overwhelmed link at once, also from inside the handler, and opens it again', async () => {
  const { clock, asleep, advance } = manualClock();
  let drop = () => {};
  const { ups, downs, link, lines } = await start({ clock, onEvent: () => drop() });
  drop = () => link.dropOverwhelmed();
  await ups.wait(1);
  await fake.replay.send(answered);
  expect(await downs.wait(1)).toEqual({ kind: 'overwhelmed' });
  expect(lines.at(-1)).toBe('warn link to the switch is dropped, since its events come faster than they can be kept reason=overwhelmed');
  await asleep(438);
  advance(438);
  await ups.wait(2);
});

describe('without room for events', () => {
  const NO_ROOM = 'warn not listening to the switch until there is room for its events';

  it('no link is opened, which is said once, until there is room', async () => {
    const { clock, asleep, advance } = manualClock();
    let hasRoom = false;
    const { ups, lines } = await start({ clock, hasRoom: () => hasRoom });
    for (let times = 0; times < 3; times += 1) {
      await asleep(250);
      advance(250);
    }
    await asleep(250);
    expect(fake.replay.connections.count).toBe(0);
    hasRoom = true;
    advance(250);
    await ups.wait(1);
    expect(lines).toEqual([CONNECTING(), NO_ROOM, UP]);
  });

  it('a link that was dropped stays away after its backoff', async () => {
    const { clock, asleep, advance } = manualClock();
    let hasRoom = true;
    const { ups, downs, link, lines } = await start({ clock, hasRoom: () => hasRoom });
    await ups.wait(1);
    hasRoom = false;
    link.dropOverwhelmed();
    await downs.wait(1);
    await asleep(438);
    advance(438);
    await asleep(250);
    expect(lines.slice(2)).toEqual(['warn link to the switch is dropped, since its events come faster than they can be kept reason=overwhelmed', NO_ROOM]);
    hasRoom = true;
    advance(250);
    await ups.wait(2);
  });

  it('a stop ends the wait', async () => {
    const { clock, asleep, asleepNow } = manualClock();
    const { link } = await start({ clock, hasRoom: () => false });
    await asleep(250);
    await link.stop();
    expect([asleepNow(), fake.replay.connections.count]).toEqual([[], 0]);
  });
});

it('refuses at once to be made for a password that is two commands', () => {
  expect(() => new SwitchLink({ switchName: 'pbx1', host: '127.0.0.1', port: fake.port, password: 'a\n\nexit', subclasses: [] },
    { clock: systemClock, random: () => 0, log: capturedLog().log, metrics: createMetrics(), onEvent() {} })).toThrow('one line');
});

describe('stop', () => {
  it('closes an open link and tells nothing after it', async () => {
    const { ups, events, link, lines } = await start();
    await ups.wait(1);
    const client = await fake.connected(1);
    const gone = new Promise((resolve) => { client.socket.once('close', resolve); });
    const stopped = link.stop();
    await fake.replay.send(answered);
    await stopped;
    await gone;
    expect({ isUp: link.isUp(), events: events.count, last: lines.at(-1) }).toEqual({ isUp: false, events: 0, last: 'info link to the switch is closed' });
  });

  it('ends a login that hangs', async () => {
    fake.behave('silent');
    const { link, ups } = await start();
    await fake.connected(1);
    await link.stop();
    expect(ups.count).toBe(0);
  });

  it('ends the wait before a retry', async () => {
    const { clock, asleep, asleepNow } = manualClock();
    fake.behave('reject-password');
    const { link } = await start({ clock });
    await asleep(30_000);
    await link.stop();
    expect(asleepNow()).toEqual([]);
  });

  it('may be called twice', async () => {
    const { ups, link } = await start();
    await ups.wait(1);
    await Promise.all([link.stop(), link.stop()]);
    await link.stop();
    expect(link.isUp()).toBe(false);
  });

  it('may be called before start, which then opens nothing', async () => {
    const link = new SwitchLink({ switchName: 'pbx1', host: '127.0.0.1', port: fake.port, password: PASSWORD, subclasses: [] },
      { clock: systemClock, random: () => 0, log: capturedLog().log, metrics: createMetrics(), onEvent() {} });
    await link.stop();
    await link.start();
    await link.stop();
    expect(fake.replay.connections.count).toBe(0);
  });
});

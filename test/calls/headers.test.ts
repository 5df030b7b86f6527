import { Calls } from '../../src/calls/calls.js';
import type { SwitchEvent } from '../../src/calls/event.js';
import { headersRead } from '../../src/calls/headers.js';
import { HeaderTrimmer } from '../../src/esl/header-trimmer.js';
import { OWN_HEADERS, readEvent } from '../../src/esl/switch-event.js';
import { eventsOf, EVERYTHING, LOAD, play, recordedCalls, RULES } from '../support/goldens.js';
import { fixtureRecording } from '../support/recording.js';

const rules = { ...RULES, detail: { ...RULES.detail, variables: ['sip_user_agent', 'language'] } };
const read = headersRead(rules);
const names = [...await recordedCalls(), LOAD];

/** The event, with every header that it is asked for noted. */
function asking(event: SwitchEvent, asked: Set<string>): SwitchEvent {
  const { switchName, name, subclass, coreId, sequence, timestampUs, receivedAtMs } = event;
  return { switchName, name, subclass, coreId, sequence, timestampUs, receivedAtMs, get: (header) => { asked.add(header); return event.get(header); } };
}

it.each(names)('%s: of a channel nothing else is asked for', async (name) => {
  const asked = new Set<string>();
  const events = (await eventsOf(name)).filter((event) => event.name.startsWith('CHANNEL_')).map((event) => asking(event, asked));
  play(events, rules, EVERYTHING);
  const held = new Calls({ switchName: 'pbx', rules, asked: EVERYTHING, tenantOf: (domain) => domain, unattributed() {}, dropped() {} });
  held.hold(Infinity);
  for (const event of events) held.accept(event);
  for (const id of new Set(events.map((event) => event.get('Unique-ID')!))) held.sight({ uuid: id }, undefined);
  expect(asked.size).toBeGreaterThan(30);
  expect([...asked].filter((header) => !read.includes(header))).toEqual([]);
});

it.each(names)('%s: without the others the same is told', async (name) => {
  const trimmer = new HeaderTrimmer([...OWN_HEADERS, ...read]);
  const { events } = await fixtureRecording(name);
  const trimmed = events.map(({ frame, atMs }) => {
    const into = Buffer.alloc(frame.length);
    const event = readEvent(into.subarray(0, trimmer.trim(frame.subarray(frame.indexOf('\n\n') + 2), into, 0)), 'pbx', atMs);
    if (event.kind !== 'event') throw new Error(event.why);
    return event.event;
  });
  expect(play(trimmed, rules, EVERYTHING).notices).toEqual(play(await eventsOf(name), rules, EVERYTHING).notices);
});

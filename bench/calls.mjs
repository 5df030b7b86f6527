import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { EVENTS } from '../dist/esl/link.js';
import { readRecording } from '../dist/esl/recording.js';
import { renew } from '../dist/esl/renew.js';
import { readEvent } from '../dist/esl/switch-event.js';

const RECORDINGS = fileURLToPath(new URL('../test/fixtures/calls/', import.meta.url));

/** An ordinary day: outbound, inbound, busy, local, a ring group, a queue, click to call, a transfer. Of tenant a alone. */
const MIX = [
  '01-outbound-caller-hangup', '03-outbound-busy', '06-inbound-ext-answered', '09-ringgroup-simultaneous',
  '12-callcenter-queue', '13-blind-transfer-refer', '15-local-call', '16-click2call-bridge',
];

/** The tenants that the calls are spread over: names as long as the recorded one, so that a copy is a few bytes overwritten. */
export const TENANTS = [...'abcdefgh'].map((letter) => `${letter}.example.test`);

const RELEASES = { ringing: 'CHANNEL_CREATE', answered: 'CHANNEL_ANSWER', hangup: 'CHANNEL_HANGUP', cdr: 'CHANNEL_HANGUP_COMPLETE' };

/** The calls of the mix as templates, to be copied by the thousand. */
export function loadTemplates() {
  return Promise.all(MIX.map(loadTemplate));
}

/**
 * A new call of a tenant: other uuids and domain, all else byte for byte. `frames` are its events, views into `bytes`;
 * `released` maps the name of each event ("leg event") to the webhooks ("call state") that it releases.
 */
export function copyOf(template, tenant) {
  const bytes = Buffer.from(template.bytes);
  const uuids = new Map();
  for (const [old, positions] of template.uuids) {
    const fresh = randomUUID();
    uuids.set(old, fresh);
    for (const position of positions) bytes.write(fresh, position, 'latin1');
  }
  for (const position of template.tenants) bytes.write(tenant, position, 'latin1');
  const frames = template.events.map(({ leg, name, from, to }) => ({ event: `${uuids.get(leg)} ${name}`, bytes: bytes.subarray(from, to) }));
  const released = template.goldens.map(({ leg, payload: { call_id: id, state } }) => [`${uuids.get(id)} ${state}`, `${uuids.get(leg)} ${RELEASES[state]}`]);
  return { bytes, frames, released };
}

/** How many events and webhooks one copy of each template comes to. */
export function sizeOf(templates) {
  const sum = (of) => templates.reduce((total, template) => total + of(template), 0);
  return { events: sum(({ events }) => events.length), webhooks: sum(({ goldens }) => goldens.length), bytes: sum(({ bytes }) => bytes.length) };
}

async function loadTemplate(name) {
  const recording = await readRecording(`${RECORDINGS}${name}.esl.gz`);
  const wanted = recording.events.filter((event) => EVENTS.includes(event.name)); // a switch sends what was subscribed to, and no more
  let at = 0;
  const events = wanted.map(({ name: event, frame }) => {
    const { event: read } = readEvent(frame.subarray(frame.indexOf('\n\n') + 2), '', 0);
    return { leg: read.get('Unique-ID'), name: event, from: at, to: at += frame.length };
  });
  const bytes = Buffer.concat(wanted.map(({ frame }) => frame));
  const text = bytes.toString('latin1'); // one character a byte
  const positions = (pattern) => [...text.matchAll(pattern)].map(({ index }) => index);
  return {
    bytes, events,
    uuids: [...renew(recording).uuids.keys()].map((uuid) => [uuid, positions(new RegExp(uuid, 'g'))]),
    tenants: positions(/(?<![\w.-])a\.example\.test/g),
    goldens: JSON.parse(gunzipSync(await readFile(`${RECORDINGS}${name}.webhooks.json.gz`)).toString()),
  };
}

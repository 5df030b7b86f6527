import { readRecording, splitRecording } from '../../src/esl/recording.js';
import { renew } from '../../src/esl/renew.js';
import { readEvent } from '../../src/esl/switch-event.js';
import type { RecordedEvent } from '../../src/esl/recording.js';
import { fixtureBytes, fixtureRecording, fixtureWebhooks } from '../support/recording.js';

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const text = (events: readonly RecordedEvent[]) => Buffer.concat(events.map(({ frame }) => frame)).toString('latin1');
const eventOf = ({ frame }: RecordedEvent) => {
  const read = readEvent(frame.subarray(frame.indexOf('\n\n') + 2), 's', 0);
  if (read.kind !== 'event') throw new Error(read.why);
  return read.event;
};

it('splits a recording into its events without losing a byte', async () => {
  const { events } = await fixtureRecording('calls/01-outbound-caller-hangup');
  const reply = 'Content-Type: command/reply\nReply-Text: +OK event listener enabled json\n\n';
  expect(reply + text(events)).toBe(fixtureBytes('calls/01-outbound-caller-hangup.esl').toString('latin1'));
  expect(events.map(({ name }) => name).slice(0, 3)).toEqual(['CHANNEL_CREATE', 'CHANNEL_CREATE', 'CHANNEL_PROGRESS']);
});

it('knows when each event arrived', async () => {
  const { events } = await fixtureRecording('calls/01-outbound-caller-hangup');
  expect(events.map(({ atMs }) => atMs)).toEqual([705, 1_208, 1_208, 1_209, 2_115, 2_135, 2_136, 2_136, 5_156, 5_177, 5_177, 5_177, 5_177, 5_177, 5_178]);
});

it('goes by the clock of the switch where no arrivals were recorded', async () => {
  const { events } = await fixtureRecording('load/8threads-sip2-10cps');
  const stamps = events.map((event) => eventOf(event).timestampUs);
  expect(events).toHaveLength(1_500);
  expect(events.at(-1)!.atMs).toBe((Math.max(...stamps) - stamps[0]!) / 1_000);
});

it('rejects for a file that is not there', async () => {
  await expect(readRecording('no-such-recording.esl.gz')).rejects.toMatchObject({ code: 'ENOENT' });
});

it('rejects what is no whole recording', () => {
  const bytes = fixtureBytes('calls/01-outbound-caller-hangup.esl');
  expect(() => splitRecording(bytes.subarray(0, bytes.length - 1))).toThrow('half-frame');
});

describe('a renewed recording', () => {
  it.each([
    '01-outbound-caller-hangup', '09-ringgroup-simultaneous', '12-callcenter-queue', '14-attended-transfer-refer', '16-click2call-bridge',
    '21b-invalid-utf8-callerid', '24-loopback-bowout', '25-two-tenants-at-once',
  ])('is the same call with other channels, byte for byte: %s', async (name) => {
    const old = await fixtureRecording(`calls/${name}`);
    const { recording, uuids } = renew(old);
    const back = new Map([...uuids].map(([from, to]) => [to, from]));
    expect(text(recording.events)).not.toBe(text(old.events));
    expect(text(recording.events).replace(UUID, (uuid) => back.get(uuid) ?? uuid)).toBe(text(old.events));
    for (const event of old.events) {
      const uuid = eventOf(event).get('Unique-ID');
      if (uuid !== undefined) expect(text(recording.events)).not.toContain(uuid);
    }
  });

  it('maps every call that the expectations name', async () => {
    const { uuids } = renew(await fixtureRecording('calls/25-two-tenants-at-once'));
    const webhooks = fixtureWebhooks<{ flow: string; leg: string }>('calls/25-two-tenants-at-once');
    expect(webhooks.length).toBeGreaterThan(0);
    for (const { flow, leg } of webhooks) expect([uuids.has(flow), uuids.has(leg)]).toEqual([true, true]);
  });

  it('leaves alone what names no channel', async () => {
    const { recording, uuids } = renew(await fixtureRecording('calls/01-outbound-caller-hangup'));
    expect(uuids.size).toBe(2);
    expect(eventOf(recording.events[0]!).coreId).toBe('3db3e94d-2b68-4759-a17e-09d8c1609f32');
    expect(eventOf(recording.events[0]!).get('variable_domain_uuid')).toBe('0a0a0a0a-1111-4aaa-8aaa-aaaaaaaaaaaa');
  });

  it('can number its events on from those of the last call', async () => {
    const old = await fixtureRecording('calls/01-outbound-caller-hangup');
    const { recording } = renew(old, { sequenceShift: 99_999_000 });
    expect(recording.events.map((event) => eventOf(event).sequence)).toEqual(old.events.map((event) => eventOf(event).sequence + 99_999_000));
  });
});

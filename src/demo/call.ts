import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { NoticeState, Payload } from '../calls/notice.js';
import { readRecording, type RecordedEvent } from '../esl/recording.js';
import { renew } from '../esl/renew.js';
import { readEvent } from '../esl/switch-event.js';

/** A recorded call made new: what the switch will say, and what the tenants must hear. */
export interface DemoCall {
  readonly events: readonly DemoEvent[];
  readonly expected: readonly Expected[];
}

export interface DemoEvent {
  /** See `Expected.releasedBy`. */
  readonly id: string;
  readonly recorded: RecordedEvent;
}

export interface Expected {
  readonly payload: Payload;
  /** The leg and the name of the event after which it can be sent. */
  readonly releasedBy: string;
}

/** As the recordings keep it. */
interface Golden { leg: string; payload: Payload }

/** Both src/demo/ and dist/demo/ lie two levels below the package. */
const RECORDINGS = fileURLToPath(new URL('../../test/fixtures/calls/', import.meta.url));

const RELEASES: Readonly<Record<NoticeState, string>> = {
  ringing: 'CHANNEL_CREATE', answered: 'CHANNEL_ANSWER', hangup: 'CHANNEL_HANGUP', cdr: 'CHANNEL_HANGUP_COMPLETE',
  missed: 'CHANNEL_HANGUP_COMPLETE', recording: 'RECORD_STOP',
};

const unzip = promisify(gunzip);

/** Reads a recording of test/fixtures/calls by its name; rejects where it is missing. */
export async function newCall(name: string): Promise<DemoCall> {
  const { recording, uuids } = renew(await readRecording(`${RECORDINGS}${name}.esl.gz`));
  const text = (await unzip(await readFile(`${RECORDINGS}${name}.webhooks.json.gz`))).toString();
  const goldens = JSON.parse([...uuids].reduce((all, [old, fresh]) => all.replaceAll(old, fresh), text)) as Golden[];
  const events = recording.events.map((recorded) => ({ id: `${legOf(recorded)} ${recorded.name}`, recorded }));
  const expected = goldens.map(({ leg, payload }) => ({ payload, releasedBy: `${leg} ${RELEASES[payload.state]}` }));
  const told = new Set(events.map(({ id }) => id));
  if (!expected.every(({ releasedBy }) => told.has(releasedBy))) throw new Error(`${name} has a webhook that no event of it releases`);
  return { events, expected };
}

function legOf({ frame }: RecordedEvent): string {
  const read = readEvent(frame.subarray(frame.indexOf('\n\n') + 2), '', 0);
  return read.kind === 'event' ? String(read.event.get('Unique-ID')) : '';
}

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.js';
import { openRecordings, type Recordings } from '../../src/recordings/recordings.js';
import { silentLog } from '../support/silent-log.js';

/** A folder with one recording, and the token of a link to it. */
export async function serveRecording(): Promise<{ recordings: Recordings; token: string; remove: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'hookswitch-recordings-'));
  const file = join(directory, 'call.wav');
  await writeFile(file, 'RIFF');
  const recordings = await openRecordings({ directory, dataDir: directory, publicUrl: 'http://127.0.0.1', ttlMs: 3_600_000, secret: 'a secret for links' }, { clock: systemClock, log: silentLog });
  const token = recordings.linkTo({ file, domain: 'conform.example', atUs: Date.now() * 1_000 }).split('/').at(-1)!;
  return { recordings, token, remove: () => rm(directory, { recursive: true }) };
}

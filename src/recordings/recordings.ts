import { opendir } from 'node:fs/promises';
import type { Clock } from '../clock.js';
import type { Logger } from '../log.js';
import { openInside, type OpenFile } from './file.js';
import { createLinks, type LinkedRecording, type LinkOptions } from './link.js';
import { keptSecret } from './secret.js';

/** Serves the recordings of one directory, each by links of its own. */
export interface Recordings {
  /** The public URL of a recording; '' for a file that does not lie under the directory. */
  linkTo(recording: LinkedRecording): string;
  /** The file that a link's token stands for. Any text may be given. */
  open(token: string): Promise<{ kind: 'file'; file: OpenFile } | { kind: 'missing' } | { kind: 'expired' }>;
}

export interface RecordingsOptions extends LinkOptions {
  /** '' for one that is made and kept in `dataDir`. */
  secret: string;
  dataDir: string;
}

/**
 * See `Recordings`. A directory that is not there is only warned of: it may be mounted later, and calls are told without it.
 *
 * @throws where the secret can neither be read nor made.
 */
export async function openRecordings({ dataDir, ...options }: RecordingsOptions, { clock, log }: { clock: Pick<Clock, 'now'>; log: Logger }): Promise<Recordings> {
  const { directory } = options;
  await readdirOnce(directory).catch((error: NodeJS.ErrnoException) => { log.warn('the folder of the recordings cannot be read', { directory, code: error.code }); });
  const secret = options.secret === '' ? await keptSecret(dataDir) : options.secret;
  const links = createLinks({ ...options, secret });
  return {
    linkTo: (recording) => links.linkTo(recording),
    async open(token) {
      const link = links.read(token, clock.now().getTime());
      if (link.kind === 'expired') return link;
      const file = link.kind === 'valid' ? await openInside(directory, link.path) : undefined;
      return file === undefined ? { kind: 'missing' } : { kind: 'file', file };
    },
  };
}

/** Whether it is a folder that may be listed, however much is in it. */
async function readdirOnce(directory: string): Promise<void> {
  await (await opendir(directory)).close();
}

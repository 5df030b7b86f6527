import type { Writable } from 'node:stream';
import { aborted } from '../clock.js';
import { connect, type ConnectionOptions } from './connection.js';
import type { LinkEnd } from './link-end.js';
import { readEvent } from './switch-event.js';
import { eventFrame, replyFrame } from './wire.js';

export interface RecordOptions extends ConnectionOptions {
  /** The `event json …` command. */
  subscription: string;
  /** What is kept of an event: its body, or another one in its place. The bytes given are valid only during the call. */
  keep: (body: Buffer) => Buffer;
}

export interface RecordHandlers {
  onUp(): void;
  /** After each event that was written, with its size. */
  onEvent(bytes: number): void;
  /** A frame that could not be understood; it is not in the recording. */
  onMalformed(): void;
}

/** What a slow disk may be behind. Then the link is closed: a listener that does not read holds up the whole switch. */
const MAX_BEHIND_BYTES = 64 * 1_048_576;

/** For the switch to answer `exit`. */
const GOODBYE_MS = 2_000;

/**
 * Writes what a switch sends to a listener into `sink`, which it leaves open, in the form that `splitRecording` reads. Resolves
 * with the end of the connection: `closed-by-us` after `stopping`, `overwhelmed` where the sink is too slow. It logs out by itself, and what
 * the switch had said until then is in the recording.
 */
export async function record(options: RecordOptions, sink: Writable, handlers: RecordHandlers, stopping: AbortSignal): Promise<LinkEnd> {
  const connection = connect(options, {
    onLoggedIn: () => connection.command(options.subscription, (reply) => {
      if (!reply.startsWith('+OK')) return connection.end({ kind: 'subscription-refused' });
      connection.ready();
      sink.write(replyFrame(reply));
      handlers.onUp();
    }),
    onEventBody(body) {
      if (readEvent(body, '', 0).kind !== 'event') return handlers.onMalformed();
      const frame = eventFrame(options.keep(body));
      sink.write(frame);
      handlers.onEvent(frame.length);
      if (sink.writableLength > MAX_BEHIND_BYTES) connection.end({ kind: 'overwhelmed' });
    },
    onMalformed: () => handlers.onMalformed(),
  });
  const over = new AbortController();
  const ended = connection.ended.finally(() => over.abort());
  await Promise.race([ended, aborted(stopping)]);
  if (!over.signal.aborted) {
    connection.command('exit', () => {});
    await options.clock.sleep(GOODBYE_MS, over.signal);
    connection.end({ kind: 'closed-by-us' });
  }
  const end = await ended;
  return stopping.aborted ? { kind: 'closed-by-us' } : end;
}

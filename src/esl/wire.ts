/** One event as a switch sends it: header names and values, a list where a variable holds several. */
export type EventRecord = Readonly<Record<string, string | readonly string[]>>;

/** Of an event the length stands first, of everything else the type (mod_event_socket.c). */
export function eventFrame(body: Buffer | string): Buffer {
  const bytes = Buffer.from(body);
  return Buffer.concat([Buffer.from(`Content-Length: ${bytes.length}\nContent-Type: text/event-json\n\n`), bytes]);
}

/** The reply to a command; it has no body. */
export function replyFrame(text: string): Buffer {
  return Buffer.from(`Content-Type: command/reply\nReply-Text: ${text}\n\n`);
}

/** What an `api` command answers. */
export function answerFrame(text: Buffer | string): Buffer {
  return bodyFrame('api/response', text);
}

/** The last frame of a connection that the switch ends; the two texts are its own. */
export function noticeFrame(why: 'goodbye' | 'shutting-down'): Buffer {
  return bodyFrame('text/disconnect-notice', why === 'goodbye'
    ? 'Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n'
    : 'The system is being shut down.\n');
}

/** Instead of a greeting, for an address outside `apply-inbound-acl`. */
export function rejectionFrame(): Buffer {
  return bodyFrame('text/rude-rejection', 'Access Denied, go away.\n');
}

/** The greeting: the switch asks for the password. */
export function greetingFrame(): Buffer {
  return Buffer.from('Content-Type: auth/request\n\n');
}

/** What stands behind the header of a frame. */
export function bodyOf(frame: Buffer): Buffer {
  return frame.subarray(frame.indexOf('\n\n') + 2);
}

function bodyFrame(contentType: string, body: Buffer | string): Buffer {
  const bytes = Buffer.from(body);
  return Buffer.concat([Buffer.from(`Content-Type: ${contentType}\nContent-Length: ${bytes.length}\n\n`), bytes]);
}

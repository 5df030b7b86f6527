/**
 * How a connection to a switch came to its end, or why it never began. `refused` is before it was connected (also a name that
 * does not resolve), `reset` and `error` are after; `code` is the system's own (ECONNREFUSED, ECONNRESET …). `overwhelmed`: what
 * was read could not be taken in as fast. `thread-died`: the thread that read it did, which is a fault of ours.
 */
export type LinkEnd =
  | { kind: 'refused'; code: string }
  | { kind: 'acl-rejected' }
  | { kind: 'wrong-password' }
  | { kind: 'login-timeout' }
  | { kind: 'subscription-refused' }
  | { kind: 'reset'; code: string }
  | { kind: 'error'; code: string }
  | { kind: 'closed' }
  | { kind: 'disconnect-notice'; shuttingDown: boolean }
  | { kind: 'silent' }
  | { kind: 'overwhelmed' }
  | { kind: 'thread-died'; code: string }
  | { kind: 'closed-by-us' };

/** The end in one short word or two, for a log line; two ends with the same reason are the same state. */
export function reasonOf(end: LinkEnd): string {
  if ('code' in end) return `${end.kind} ${end.code}`;
  return end.kind === 'disconnect-notice' && end.shuttingDown ? 'disconnect-notice shutting-down' : end.kind;
}

/** What the operator has to do before retrying can help; undefined where time may mend it. */
export function remedyFor(end: LinkEnd): string | undefined {
  switch (end.kind) {
    case 'wrong-password': return 'set the password of this switch to that of event_socket.conf.xml';
    case 'acl-rejected': return 'allow the address of this host in apply-inbound-acl of event_socket.conf.xml';
    default: return undefined;
  }
}

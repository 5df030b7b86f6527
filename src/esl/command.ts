import { connect, type Connect, type ConnectionOptions } from './connection.js';
import { reasonOf } from './link-end.js';

/** What came of one `api` command: the whole answer, or the -ERR or -USAGE of the switch, or how the connection ended before it. */
export type Answer =
  | { kind: 'ok'; text: string }
  | { kind: 'refused'; reason: string }
  | { kind: 'lost'; reason: string };

export interface CommandsOptions extends ConnectionOptions {
  /** Opens the connection; in this thread by default. */
  connect?: Connect;
}

export interface Commands {
  /**
   * Asks one question, at once: several may be open, and are answered in their order, each within its deadline. Who asks much asks a few
   * at a time. Never rejects for anything the switch can cause.
   */
  api(command: string, deadlineMs: number): Promise<Answer>;
  /** Resolves when the socket is closed; questions still open are lost. May be called twice. */
  close(): Promise<void>;
}

/**
 * A second connection to a switch, for questions only: it asks for no events, since while a command runs the switch sends none
 * on the same connection. One missed deadline ends it, because the late answer could not be told from the next one's; what is
 * asked after its end is lost at once, and the caller opens another.
 */
export function openCommands(options: CommandsOptions): Commands {
  let loggedIn!: () => void;
  const login = new Promise<void>((resolve) => { loggedIn = resolve; });
  const connection = (options.connect ?? connect)(options, {
    onLoggedIn: () => { connection.ready(); loggedIn(); },
    onEventBody: () => {},
    onMalformed: () => {}, // it shows as an answer that does not come
  });
  const ended = connection.ended.then((end): Answer => ({ kind: 'lost', reason: reasonOf(end) }));

  async function api(command: string, deadlineMs: number): Promise<Answer> {
    await Promise.race([login, ended]);
    const answered = new AbortController();
    const answer = new Promise<Answer>((resolve) => { connection.api(command, (text) => resolve(judge(text))); });
    void options.clock.sleep(deadlineMs, answered.signal).then(() => {
      if (!answered.signal.aborted) connection.end({ kind: 'silent' });
    });
    const first = await Promise.race([answer, ended]);
    answered.abort();
    return first;
  }

  return {
    api,
    async close() {
      connection.end({ kind: 'closed-by-us' });
      await connection.ended;
    },
  };
}

function judge(text: string): Answer {
  return /^-(?:ERR|USAGE)\b/.test(text) ? { kind: 'refused', reason: text.trim() } : { kind: 'ok', text };
}

import esl, { type Connection as ModeslConnection } from 'modesl';
import type { Socket } from 'node:net';
import type { Clock } from '../clock.js';
import type { FrameHeader } from './frame-header.js';
import { DEFAULT_LIMITS, FrameReader } from './frame-reader.js';
import type { LinkEnd } from './link-end.js';
import type { Malformed } from './malformed.js';

export interface ConnectionOptions {
  host: string;
  port: number;
  /** One line; never logged. */
  password: string;
  clock: Clock;
  /** From the first packet to `ready()`, for as long as the switch owes an answer; 10 s by default. */
  loginMs?: number;
  /** A frame whose body is announced longer is skipped; 16 MiB by default. */
  maxFrameBytes?: number;
  /** The headers of channels' events that will be asked for; what a thread of its own reads it may hand on without the others. All unless given. */
  headers?: readonly string[];
}

/** All are called while bytes are being read, in the order of the bytes; none may throw or wait. */
export interface ConnectionHandlers {
  onLoggedIn(): void;
  /** The body of a text/event-json frame, valid only during the call, and when its last byte was read (`monotonicMs`). */
  onEventBody(body: Buffer, receivedAtMs: number): void;
  onMalformed(kind: Malformed): void;
  /** A chunk was read and everything in it has been handed on. */
  onRead?(): void;
}

export interface Connection {
  /** Resolves once, after the socket is closed and every frame that had arrived was handed on. It never rejects. */
  readonly ended: Promise<LinkEnd>;
  bytesRead(): number;
  /** When the last byte was read, on `Clock.monotonicMs`. */
  lastReadMs(): number;
  /** Login is complete; its deadline no longer counts. */
  ready(): void;
  /** Sends one command; `onReply` gets its Reply-Text, or is never called when the connection ends first. */
  command(line: string, onReply: (replyText: string) => void): void;
  /** Sends `api …`; `onAnswer` gets the whole text, or is never called when the connection ends first. */
  api(line: string, onAnswer: (text: string) => void): void;
  /** Closes it, for this reason unless there already is one. Nothing is handed on any more. */
  end(why: LinkEnd): void;
}

/** Opens a connection, in this thread (`connect`) or in one of its own. Throws for a password of two lines. */
export type Connect = (options: ConnectionOptions, handlers: ConnectionHandlers) => Connection;

const LOGIN_MS = 10_000;
const KEEPALIVE_MS = 30_000;

// The switch closes right after its notice and what its other threads still had to say; one that falls silent instead is not to be waited for.
const FIN_AFTER_NOTICE_MS = 2_000;

// The two notices differ in nothing else (protocol in mod_event_socket.c): no code tells them apart.
const SHUTTING_DOWN_NOTICE = 'The system is being shut down.';

/**
 * Connects and logs in: what a link and a command connection have in common.
 *
 * modesl connects, logs in and pairs replies with commands. Its parser is put aside on connect, because one stray `%` throws
 * inside it, and only replies are given to modesl, so that events never choose the path of its emitter. Its own subscription
 * after login is turned off. And since it reports a reset, a FIN and a silent peer in three ways or none, the socket's `close`
 * is the one true end here.
 */
export function connect(options: ConnectionOptions, handlers: ConnectionHandlers): Connection {
  oneLine(options.password);
  return new EslConnection(options, handlers);
}

class EslConnection implements Connection {
  readonly ended: Promise<LinkEnd>;
  readonly #handlers: ConnectionHandlers;
  readonly #clock: Clock;
  readonly #modesl: ModeslConnection;
  readonly #socket: Socket; // modesl forgets its own reference on FIN
  readonly #reader: FrameReader;
  readonly #over = new AbortController();
  readonly #ready = new AbortController();
  /** What the switch has not answered yet: the login and commands. */
  #owed = 1;
  #connected = false;
  #passwordAsked = false;
  #cause: LinkEnd | undefined;
  /** Set once we have given it up: bytes that still arrive are of no use to anyone. */
  #deaf = false;
  #bytesRead = 0;
  #lastReadMs: number;

  constructor({ host, port, password, clock, loginMs, maxFrameBytes }: ConnectionOptions, handlers: ConnectionHandlers) {
    this.#handlers = handlers;
    this.#clock = clock;
    this.#lastReadMs = clock.monotonicMs();
    this.#reader = new FrameReader(
      { onFrame: (header, body) => this.#onFrame(header, body), onMalformed: (kind) => this.#onMalformed(kind) },
      { ...DEFAULT_LIMITS, maxBodyBytes: maxFrameBytes ?? DEFAULT_LIMITS.maxBodyBytes },
    );
    this.#modesl = new esl.Connection(host, port, password);
    this.#socket = this.#modesl.socket!;
    this.ended = new Promise((resolve) => { this.#socket.once('close', () => resolve(this.#onClose())); });
    this.#listen();
    void this.#awaitReady(loginMs ?? LOGIN_MS);
  }

  bytesRead(): number { return this.#bytesRead; }

  lastReadMs(): number { return this.#lastReadMs; }

  ready(): void { this.#ready.abort(); }

  command(line: string, onReply: (replyText: string) => void): void {
    if (!this.#canSend()) return;
    this.#modesl.sendRecv(oneLine(line), (reply) => {
      this.#owed -= 1;
      onReply(reply.getHeader('Reply-Text') ?? '');
    });
    this.#owed += 1;
  }

  api(line: string, onAnswer: (text: string) => void): void {
    if (this.#canSend()) this.#modesl.api(oneLine(line), (answer) => onAnswer(answer.getBody()));
  }

  end(why: LinkEnd): void {
    this.#cause ??= why;
    this.#deaf = true;
    this.#socket.destroy();
  }

  #listen(): void {
    const modesl = this.#modesl;
    modesl.subscribe = () => {};
    modesl.on('error', () => {}); // the socket's own listener hears the same
    modesl.on('esl::connect', () => {
      this.#connected = true;
      this.#socket.removeAllListeners('data');
      this.#socket.on('data', (chunk) => this.#read(chunk));
      this.#socket.setNoDelay(true);
      this.#socket.setKeepAlive(true, KEEPALIVE_MS);
    });
    modesl.on('esl::event::auth::success', () => {
      this.#owed -= 1;
      this.#handlers.onLoggedIn();
    });
    modesl.on('esl::event::auth::fail', () => this.end({ kind: 'wrong-password' }));
    this.#socket.on('error', (error: NodeJS.ErrnoException) => { this.#cause ??= this.#endBy(error.code ?? error.name); });
  }

  #read(chunk: Buffer): void {
    this.#bytesRead += chunk.length;
    this.#lastReadMs = this.#clock.monotonicMs();
    this.#reader.push(chunk);
    this.#handlers.onRead?.();
  }

  #onFrame(header: FrameHeader, body: Buffer): void {
    if (this.#deaf) return;
    switch (header.contentType) {
      case 'text/event-json': return this.#handlers.onEventBody(body, this.#lastReadMs);
      case 'auth/request':
        if (!this.#passwordAsked) this.#handToModesl(header, body); // asked again, it would send the password again
        this.#passwordAsked = true;
        return;
      case 'command/reply':
      case 'api/response': return this.#handToModesl(header, body);
      case 'text/rude-rejection': return this.end({ kind: 'acl-rejected' });
      case 'text/disconnect-notice': return this.#onNotice(body.toString('latin1'));
      default: return this.#onMalformed('unknown-content-type');
    }
  }

  #onMalformed(kind: Malformed): void {
    if (!this.#deaf) this.#handlers.onMalformed(kind);
  }

  /** Says it in the words of modesl's own parser, of which `auth` needs Modesl-Reply-OK. */
  #handToModesl({ contentType, replyText }: FrameHeader, body: Buffer): void {
    const headers = { 'Content-Type': contentType, 'Reply-Text': replyText };
    const text = body.toString();
    const reply = new esl.Event(headers, text);
    if (replyText.startsWith('+OK')) reply.addHeader('Modesl-Reply-OK', replyText.slice('+OK '.length));
    this.#modesl.parser.emit('esl::event', reply, headers, text);
  }

  #onNotice(text: string): void {
    if (this.#cause) return;
    this.#cause = { kind: 'disconnect-notice', shuttingDown: text.startsWith(SHUTTING_DOWN_NOTICE) };
    void this.#endOnceSilent(this.#cause);
  }

  async #endOnceSilent(why: LinkEnd): Promise<void> {
    for (let waitMs = FIN_AFTER_NOTICE_MS; waitMs > 0 && !this.#over.signal.aborted; waitMs = this.#lastReadMs + FIN_AFTER_NOTICE_MS - this.#clock.monotonicMs()) {
      await this.#clock.sleep(waitMs, this.#over.signal);
    }
    this.end(why);
  }

  #onClose(): LinkEnd {
    this.#reader.end();
    this.#over.abort();
    return this.#cause ?? { kind: 'closed' };
  }

  #endBy(code: string): LinkEnd {
    if (!this.#connected) return { kind: 'refused', code };
    return { kind: code === 'ECONNRESET' || code === 'EPIPE' ? 'reset' : 'error', code };
  }

  /** Where the switch has answered everything it is we who are late, hanging perhaps, and the link is not to pay for it. */
  async #awaitReady(ms: number): Promise<void> {
    const readyOrOver = AbortSignal.any([this.#ready.signal, this.#over.signal]);
    do await this.#clock.sleep(ms, readyOrOver);
    while (this.#owed === 0 && !readyOrOver.aborted);
    if (!readyOrOver.aborted) this.end({ kind: 'login-timeout' });
  }

  /** After its FIN modesl has no socket to write to, and would queue a callback that nobody calls. */
  #canSend(): boolean { return !this.#deaf && this.#modesl.socket !== null; }
}

/** What is sent to a switch, a password too, must be one line: a second would be another command. Throws, without quoting it. */
export function oneLine(text: string): string {
  if (/[\r\n]/.test(text)) throw new Error('A command or password for a switch must be one line');
  return text;
}

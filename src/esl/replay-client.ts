import type { Socket } from 'node:net';
import { Wanted } from './wanted.js';
import { answerFrame, greetingFrame, noticeFrame, replyFrame } from './wire.js';

/** What the connections of one replayed switch have in common. */
export interface ReplayHost {
  readonly password: string;
  /** The answer to `api …`, by its words. */
  answer(command: string): Buffer | string;
  /** A way in for tests: true where it has dealt with the command itself. */
  intercept(client: ReplayClient, command: string): boolean;
  onLogin(client: ReplayClient): void;
  onSubscribe(client: ReplayClient): void;
}

/** One listener at a replayed switch. */
export class ReplayClient {
  readonly socket: Socket;
  readonly wanted = new Wanted();
  /** Everything it has sent, byte for byte. */
  received = '';
  loggedIn = false;
  readonly #host: ReplayHost;
  #pending = '';
  #written: Promise<void> = Promise.resolve();

  constructor(socket: Socket, host: ReplayHost) {
    this.socket = socket;
    this.#host = host;
    socket.setNoDelay(true);
    socket.on('error', () => {}); // it ends in 'close' like everything else
    socket.on('data', (chunk) => this.#read(chunk.toString('latin1')));
  }

  greet(): void { void this.write(greetingFrame()); }

  /** Resolves when the socket can take more, so that a listener that does not read holds up the player, as it would the switch. */
  write(bytes: Buffer): Promise<void> {
    this.#written = this.#written.then(() => this.#writeNow(bytes));
    return this.#written;
  }

  /** Resolves when everything written so far has left this process, or the connection is over. */
  async flushed(): Promise<void> {
    await this.#written;
    if (this.socket.writable) await new Promise<void>((resolve) => { this.socket.write(Buffer.alloc(0), () => resolve()); });
  }

  /** Says goodbye in the switch's words, then FIN. */
  async dismiss(why: 'goodbye' | 'shutting-down'): Promise<void> {
    await this.write(noticeFrame(why));
    this.socket.end();
  }

  #writeNow(bytes: Buffer): Promise<void> | undefined {
    if (!this.socket.writable || this.socket.write(bytes)) return undefined;
    return new Promise((resolve) => {
      const done = () => {
        this.socket.off('drain', done).off('close', done);
        resolve();
      };
      this.socket.on('drain', done).on('close', done);
    });
  }

  #read(text: string): void {
    this.received += text;
    this.#pending += text;
    for (;;) {
      this.#pending = this.#pending.replace(/^[\r\n]+/, ''); // the switch skips empty lines before a command
      const end = /\r?\n\r?\n/.exec(this.#pending);
      if (!end) return;
      const command = this.#pending.slice(0, end.index);
      this.#pending = this.#pending.slice(end.index + end[0].length);
      if (!this.#host.intercept(this, command)) void this.#obey(command);
    }
  }

  #obey(command: string): Promise<void> {
    const [verb = '', ...words] = command.split(/\s+/);
    switch (this.loggedIn ? verb.toLowerCase() : `${verb.toLowerCase()} before login`) {
      case 'auth':
      case 'auth before login': return this.#login(command.slice('auth '.length));
      case 'event': return this.#subscribe(words);
      case 'noevents': return this.#unsubscribe();
      case 'api': return words.length > 0 ? this.write(answerFrame(this.#host.answer(words.join(' ')))) : this.#refuse();
      case 'exit': return this.write(replyFrame('+OK bye')).then(() => this.dismiss('goodbye'));
      default: return this.#refuse();
    }
  }

  async #login(password: string): Promise<void> {
    if (password !== this.#host.password) {
      await this.write(replyFrame('-ERR invalid'));
      return this.dismiss('goodbye');
    }
    this.loggedIn = true;
    await this.write(replyFrame('+OK accepted'));
    this.#host.onLogin(this);
  }

  async #subscribe([format = '', ...words]: string[]): Promise<void> {
    if (format.toLowerCase() !== 'json') return this.#refuse(); // plain and xml are not spoken here
    if (!this.wanted.add(words)) return this.write(replyFrame('-ERR no keywords supplied'));
    await this.write(replyFrame('+OK event listener enabled json'));
    this.#host.onSubscribe(this);
  }

  #unsubscribe(): Promise<void> {
    const listened = !this.wanted.isEmpty;
    this.wanted.clear();
    return this.write(replyFrame(listened ? '+OK no longer listening for events' : '-ERR not listening for events'));
  }

  #refuse(): Promise<void> { return this.write(replyFrame('-ERR command not found')); }
}

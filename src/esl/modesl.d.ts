// modesl 1.2.1 ships no types; only what src/esl/connection.ts uses is declared.
declare module 'modesl' {
  import type { Socket } from 'node:net';

  export class Event {
    constructor(headers: Record<string, string>, body?: string);
    getHeader(name: string): string | null;
    addHeader(name: string, value: string): string;
    getBody(): string;
  }

  export class Connection {
    constructor(host: string, port: number, password: string);
    /** null after the switch's FIN, also while bytes are still on their way out. */
    readonly socket: Socket | null;
    /** There from `esl::connect` on. */
    readonly parser: { emit(event: 'esl::event', reply: Event, headers: Record<string, string>, body: string): boolean };
    /** Called by modesl itself after each login, with events of its own choice. */
    subscribe: () => void;
    on(event: string, listener: (...args: unknown[]) => void): this;
    sendRecv(command: string, onReply: (reply: Event) => void): void;
    api(command: string, onAnswer: (answer: Event) => void): void;
  }

  const esl: { Connection: typeof Connection; Event: typeof Event };
  export default esl;
}

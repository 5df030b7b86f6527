import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { RequestError, type Request } from 'got';
import type { Deadline } from './deadline.js';
import { EXCERPT_BYTES, excerptOf } from './excerpt.js';
import { INSTRUCTION_HEADER, instructionOf } from './instruction.js';
import { AddressRefused } from './lookup.js';
import type { Answer } from './outcome.js';
import { ProxyRefused } from './proxy.js';
import { retryAfterMs } from './retry-after.js';
import type { Stopwatch } from './stopwatch.js';

export interface ExchangeOptions {
  /** How much of an answer's body is read before its connection is cut. */
  maxResponseBytes: number;
  now: () => Date;
  deadline: Deadline;
  stopwatch: Stopwatch;
}

/** `stale`: the receiver had closed a kept connection just as we used it, and nothing came back. */
export interface Exchanged { answer: Answer; stale: boolean }

/** One request to its end. Resolves when the answer has been read or cut off, so that its connection is free or gone by then. */
export function exchange(request: Request, { maxResponseBytes, now, deadline, stopwatch }: ExchangeOptions): Promise<Exchanged> {
  return new Promise((resolve) => {
    let head: IncomingMessage | undefined;
    const chunks: Buffer[] = [];
    let received = 0;
    let stop = () => {};
    const end = (failure: Answer, stale = false) => {
      stop();
      request.destroy();
      if (head === undefined) resolve({ answer: failure, stale });
      else resolve({ answer: answerOf(head, chunks, now), stale: false });
    };
    request.once('response', (response: IncomingMessage) => {
      stopwatch.answered();
      head = response;
    });
    request.on('data', (chunk: Buffer) => {
      if (received < EXCERPT_BYTES) chunks.push(chunk);
      received += chunk.length;
      if (received > maxResponseBytes) end(CLOSED);
    });
    // A receiver that switches protocols is handed the connection for good; nobody else would ever end it.
    request.once('upgrade', (response: IncomingMessage, socket: Socket) => {
      stopwatch.answered();
      head = response;
      socket.destroy();
      end(CLOSED);
    });
    request.once('end', () => end(CLOSED));
    request.once('close', () => end(CLOSED));
    // Not `once`: destroying a request may make it report a second error, which without a listener would end the process.
    request.on('error', (error: unknown) => end(failureOf(error), isStale(error, request)));
    stop = deadline.onOver(() => end({ kind: 'unreachable', code: deadline.code ?? CLOSED.code }));
  });
}

const CLOSED = { kind: 'unreachable', code: 'ECONNRESET' } as const;

function answerOf({ statusCode = 0, headers }: IncomingMessage, chunks: readonly Buffer[], now: () => Date): Answer {
  const waitMs = retryAfterMs(statusCode, headers['retry-after'], now());
  const instruction = instructionOf(headers[INSTRUCTION_HEADER]);
  // What is encoded in spite of our not asking for it is nothing to be read.
  const isText = chunks.length > 0 && headers['content-encoding'] === undefined;
  return {
    kind: 'answered', status: statusCode, excerpt: isText ? excerptOf(Buffer.concat(chunks)) : '',
    ...(waitMs !== undefined && { retryAfterMs: waitMs }), ...(instruction !== undefined && { instruction }),
  };
}

/** What Node refuses to put into a header: a line break would begin another header. */
const NO_HEADER = new Set(['ERR_INVALID_CHAR', 'ERR_HTTP_INVALID_HEADER_VALUE', 'ERR_INVALID_HTTP_TOKEN']);

function failureOf(error: unknown): Answer {
  if (!(error instanceof RequestError)) return CLOSED;
  if (error.cause instanceof AddressRefused) return { kind: 'forbidden', reason: error.cause.message };
  if (error.cause instanceof ProxyRefused) return { kind: 'unreachable', code: error.cause.code };
  if (NO_HEADER.has(error.code)) return { kind: 'forbidden', reason: 'a header, probably the key, has a character that no header may have' };
  return { kind: 'unreachable', code: error.code };
}

function isStale(error: unknown, request: Request): boolean {
  return request.reusedSocket === true && error instanceof RequestError && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}

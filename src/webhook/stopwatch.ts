import type { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Timing } from './outcome.js';

/**
 * Takes the times of one POST, by listening to the request and, where it opens a connection, to that. On a connection that is
 * used again this is one listener: all phases but the answer are over.
 */
export class Stopwatch {
  readonly #nowMs: () => number;
  readonly #startedAtMs: number;
  #dnsMs: number | undefined;
  #connectMs: number | undefined;
  #tlsMs: number | undefined;
  #readyAtMs: number | undefined;
  #answeredAtMs: number | undefined;

  /** @param nowMs a clock in milliseconds that never goes back. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#startedAtMs = nowMs();
  }

  /** A request begins; an earlier one of the same POST counts for the total only. Through a proxy, connecting is what it takes to get through. */
  watch(request: ClientRequest, viaProxy = false): void {
    this.#connectMs = this.#tlsMs = this.#readyAtMs = this.#answeredAtMs = undefined;
    if (!viaProxy) this.#dnsMs = undefined;
    else {
      const beganAtMs = this.#nowMs();
      request.once('proxyConnect', () => { this.#connectMs = this.#nowMs() - beganAtMs; });
    }
    request.once('socket', (socket: Socket) => {
      this.#readyAtMs = this.#nowMs();
      // In a tunnel the socket is connected before its TLS begins. Whoever is not verified is not used again.
      if (socket.connecting || (socket instanceof TLSSocket && !socket.authorized)) this.#watchConnection(socket);
    });
  }

  /** The name is resolved, ahead of the request; nothing else has happened yet. */
  resolved(): void { this.#dnsMs = this.#nowMs() - this.#startedAtMs; }

  /** The head of the answer is here. */
  answered(): void { this.#answeredAtMs = this.#nowMs(); }

  /** What has been measured, the whole up to now. */
  timing(): Timing {
    const firstByteMs = this.#answeredAtMs === undefined || this.#readyAtMs === undefined ? undefined : this.#answeredAtMs - this.#readyAtMs;
    return {
      ...(this.#dnsMs !== undefined && { dnsMs: this.#dnsMs }),
      ...(this.#connectMs !== undefined && { connectMs: this.#connectMs }),
      ...(this.#tlsMs !== undefined && { tlsMs: this.#tlsMs }),
      ...(firstByteMs !== undefined && { firstByteMs }),
      totalMs: this.#nowMs() - this.#startedAtMs,
    };
  }

  #watchConnection(socket: Socket): void {
    let sinceMs = this.#readyAtMs ?? this.#startedAtMs;
    const lap = () => {
      const nowMs = this.#nowMs();
      const spentMs = nowMs - sinceMs;
      sinceMs = this.#readyAtMs = nowMs;
      return spentMs;
    };
    socket.once('lookup', () => { this.#dnsMs = lap(); });
    socket.once('connect', () => { this.#connectMs = lap(); });
    socket.once('secureConnect', () => { this.#tlsMs = lap(); });
  }
}

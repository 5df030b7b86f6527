import { findInnerHeader, HEADER_REACH, parseHeader, type FrameHeader } from './frame-header.js';
import type { Malformed } from './malformed.js';
import { Unread } from './unread.js';

export interface FrameHandlers {
  /** The body is valid only during the call: its memory is used again. */
  onFrame(header: FrameHeader, body: Buffer): void;
  onMalformed(kind: Malformed): void;
}

export interface FrameLimits {
  /** A body announced longer than this is not kept but skipped. */
  maxBodyBytes: number;
  maxHeaderBytes: number;
}

export const DEFAULT_LIMITS: FrameLimits = { maxBodyBytes: 16 * 1_024 * 1_024, maxHeaderBytes: 64 * 1_024 };

/**
 * Cuts the byte stream of the event socket into frames, whatever the chunks. It never throws for what it reads: bytes that
 * make no sense are counted and skipped up to the next frame header, also where that header stands in the middle of another
 * frame (the switch tears frames after a stall of 600 s, and when it says goodbye from another thread).
 * Time is linear in the bytes; memory is bounded by the limits plus one chunk.
 */
export class FrameReader {
  readonly #handlers: FrameHandlers;
  readonly #limits: FrameLimits;
  readonly #unread = new Unread();
  /** Everything before it has been looked at and need not be again. */
  #scanned = 0;
  /** Set while the body of a frame is awaited. */
  #header: FrameHeader | undefined;
  /** Bytes of the body still to come, counted from the start of the unread. */
  #remaining = 0;
  #skipping = false;
  /** Set from a tear or garbage, already counted, to the next header: what lies between is not counted twice. */
  #resyncing = false;

  constructor(handlers: FrameHandlers, limits: FrameLimits = DEFAULT_LIMITS) {
    this.#handlers = handlers;
    this.#limits = limits;
  }

  /** Memory held for bytes that are not yet a whole frame. */
  get heldBytes(): number { return this.#unread.length === 0 ? 0 : this.#unread.bytes.length; }

  push(chunk: Buffer): void {
    const scannedOfUnread = Math.max(0, this.#scanned - this.#unread.start);
    this.#unread.append(chunk);
    this.#scanned = this.#unread.start + scannedOfUnread;
    while (this.#header ? this.#readBody(this.#header) : this.#readHeader());
  }

  /** The connection is over: what is left can never become a frame. */
  end(): void {
    if ((this.#unread.length > 0 || this.#header) && !this.#resyncing) this.#handlers.onMalformed('half-frame');
    this.#unread.consumeTo(this.#unread.end);
    this.#header = undefined;
  }

  #readHeader(): boolean {
    const { bytes, start, end } = this.#unread;
    const found = bytes.subarray(0, end).indexOf('\n\n', Math.max(start, this.#scanned - 1), 'latin1');
    if (found < 0) {
      this.#scanned = end;
      if (end - start > this.#limits.maxHeaderBytes) this.#dropGarbage();
      return false;
    }
    const block = bytes.toString('utf8', Math.max(start, found - this.#limits.maxHeaderBytes), found);
    this.#consumeTo(found + 2);

    const { header, malformed } = parseHeader(block);
    for (const kind of malformed) this.#report(kind);
    this.#resyncing = !header;
    if (header) this.#beginBody(header);
    return true;
  }

  #beginBody(header: FrameHeader): void {
    this.#header = header;
    this.#remaining = header.contentLength;
    this.#skipping = header.contentLength > this.#limits.maxBodyBytes;
    if (this.#skipping) this.#handlers.onMalformed('oversize');
  }

  #readBody(header: FrameHeader): boolean {
    const { bytes, start, end } = this.#unread;
    const bodyEnd = Math.min(end, start + this.#remaining);
    const inner = findInnerHeader(bytes, start, this.#scanned, bodyEnd);
    if (inner >= 0) {
      this.#tear(inner);
      return true;
    }
    this.#scanned = bodyEnd;
    if (end - start < this.#remaining) {
      if (this.#skipping) this.#skipTo(Math.max(start, end - HEADER_REACH));
      return false;
    }
    const body = bytes.subarray(start, bodyEnd);
    if (header.contentType === 'text/event-json' && !endsObject(body) && !this.#skipping) {
      this.#tear(Math.max(start, bodyEnd - HEADER_REACH)); // the other frame's header may begin here and end beyond
      return true;
    }
    this.#consumeTo(bodyEnd);
    this.#header = undefined;
    if (!this.#skipping) this.#handlers.onFrame(header, body);
    return true;
  }

  /** Gives up the frame in hand and looks for a header from `position` on. */
  #tear(position: number): void {
    if (!this.#skipping) this.#handlers.onMalformed('torn'); // one that is too big was counted when it began
    this.#resyncing = true;
    this.#header = undefined;
    this.#consumeTo(position);
  }

  #dropGarbage(): void {
    this.#report('garbage');
    this.#resyncing = true;
    this.#unread.consumeTo(this.#unread.end - HEADER_REACH);
  }

  #skipTo(position: number): void {
    this.#remaining -= position - this.#unread.start;
    this.#unread.consumeTo(position);
  }

  #consumeTo(position: number): void {
    this.#unread.consumeTo(position);
    this.#scanned = position;
  }

  #report(kind: Malformed): void {
    if (kind !== 'garbage' || !this.#resyncing) this.#handlers.onMalformed(kind);
  }
}

const CLOSING_BRACE = 0x7d;

function endsObject(body: Buffer): boolean {
  let at = body.length - 1;
  while (at >= 0 && body[at]! <= 0x20) at -= 1;
  return body[at] === CLOSING_BRACE;
}

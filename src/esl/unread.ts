import { free } from './free.js';

const FIRST_STORE_BYTES = 4_096;
/** A store up to this is kept when nothing is left in it: several chunks as a socket hands them. */
const KEPT_STORE_BYTES = 512 * 1_024;

/**
 * The bytes that were received and not yet consumed, as one window. Appending costs linear time however small the chunks
 * are: a chunk is used in place while nothing is left over, and the store doubles when something is. Chunks are taken over, and
 * their memory is given back.
 */
export class Unread {
  /** Valid from `start` to `end`, and only until the next `append`. */
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  /** Ours; `bytes` is it or a chunk. */
  #store: Buffer | undefined;

  get length(): number { return this.end - this.start; }

  append(chunk: Buffer): void {
    if (this.length === 0) return this.#use(chunk);
    if (this.bytes !== this.#store || this.end + chunk.length > this.bytes.length) this.#makeRoom(this.length + chunk.length);
    chunk.copy(this.bytes, this.end);
    this.end += chunk.length;
    free(chunk);
  }

  consumeTo(position: number): void { this.start = position; }

  #use(chunk: Buffer): void {
    if (this.bytes !== this.#store) free(this.bytes);
    else if (this.#store.length > KEPT_STORE_BYTES) this.#store = undefined;
    this.bytes = chunk;
    this.start = 0;
    this.end = chunk.length;
  }

  #makeRoom(needed: number): void {
    const store = this.#storeFor(needed);
    this.bytes.copy(store, 0, this.start, this.end);
    if (this.bytes !== this.#store) free(this.bytes);
    this.end = this.length;
    this.start = 0;
    this.bytes = store;
    this.#store = store;
  }

  /** Moves in place only when that frees half the store, so that no byte is moved more often than the store has doubled. */
  #storeFor(needed: number): Buffer {
    const room = this.#store === undefined ? 0 : this.bytes === this.#store ? this.#store.length / 2 : this.#store.length;
    return needed <= room ? this.#store! : Buffer.allocUnsafeSlow(Math.max(needed * 2, FIRST_STORE_BYTES));
  }
}

const FIRST_STORE_BYTES = 4_096;

/**
 * The bytes that were received and not yet consumed, as one window. Appending costs linear time however small the chunks
 * are: a chunk is used in place while nothing is left over, and the store doubles when something is.
 */
export class Unread {
  /** Valid from `start` to `end`, and only until the next `append`. */
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  #owned = false;

  get length(): number { return this.end - this.start; }

  append(chunk: Buffer): void {
    if (this.length === 0) {
      this.bytes = chunk;
      this.start = 0;
      this.end = chunk.length;
      this.#owned = false;
      return;
    }
    if (!this.#owned || this.end + chunk.length > this.bytes.length) this.#makeRoom(this.length + chunk.length);
    chunk.copy(this.bytes, this.end);
    this.end += chunk.length;
  }

  consumeTo(position: number): void { this.start = position; }

  /** Moves in place only when that frees half the store, so that no byte is moved more often than the store has doubled. */
  #makeRoom(needed: number): void {
    const inPlace = this.#owned && needed * 2 <= this.bytes.length;
    const store = inPlace ? this.bytes : Buffer.allocUnsafe(Math.max(needed * 2, FIRST_STORE_BYTES));
    this.bytes.copy(store, 0, this.start, this.end);
    this.end = this.length;
    this.start = 0;
    this.bytes = store;
    this.#owned = true;
  }
}

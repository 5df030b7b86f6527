/** Tells whoever listens at the moment, and nobody else: nothing is kept, and with nobody there it costs one comparison. */
export interface Broadcast<T> {
  /** Ask before making a line: without a listener it need not be made. */
  isHeard(): boolean;
  /** Hands the line to each listener, synchronously. Listeners must neither wait nor throw; how far one may lag is its own affair. */
  tell(line: T): void;
  /** Listens until the returned function is called, which may be called twice. */
  listen(hear: (line: T) => void): () => void;
}

/** See `Broadcast`. */
export function createBroadcast<T>(): Broadcast<T> {
  const listeners = new Set<(line: T) => void>();
  return {
    isHeard: () => listeners.size > 0,
    tell(line) { for (const hear of listeners) hear(line); },
    listen(hear) {
      const own = (line: T) => hear(line); // one function may listen twice
      listeners.add(own);
      return () => { listeners.delete(own); };
    },
  };
}

/** By signal: a listener of its own for each POST would cost as much as the timer. */
const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/** Those who wait for a signal; they are called when it aborts. */
function waitingFor(signal: AbortSignal): Set<() => void> {
  const known = waiting.get(signal);
  if (known !== undefined) return known;
  const listeners = new Set<() => void>();
  signal.addEventListener('abort', () => { for (const listener of listeners) listener(); }, { once: true });
  waiting.set(signal, listeners);
  return listeners;
}

/**
 * The one timer of a whole POST: got's own cost more, and begin anew with each request. Also the caller's signal ends it, so
 * that everything in hand has a single place to listen to; as an AbortController of its own it would cost several times as much.
 */
export class Deadline {
  readonly #timer: NodeJS.Timeout;
  readonly #outer: AbortSignal | undefined;
  readonly #giveUp = () => this.#end('ECANCELED');
  readonly #listeners = new Set<() => void>();
  #code: string | undefined;

  constructor(timeoutMs: number, outer: AbortSignal | undefined) {
    this.#timer = setTimeout(() => this.#end('ETIMEDOUT'), timeoutMs);
    this.#outer = outer;
    if (outer?.aborted) this.#giveUp();
    else if (outer !== undefined) waitingFor(outer).add(this.#giveUp);
  }

  /** Why it is over: ETIMEDOUT, or ECANCELED where the caller gave up; undefined while it is not. */
  get code(): string | undefined { return this.#code; }

  /** Calls `listener` when it is over, at once where it is already. Returns how to stop listening. */
  onOver(listener: () => void): () => void {
    if (this.#code !== undefined) listener();
    else this.#listeners.add(listener);
    return () => { this.#listeners.delete(listener); };
  }

  /** The promise's value, or undefined once the deadline is over. */
  async bound<T>(promise: Promise<T>): Promise<T | undefined> {
    let stop = () => {};
    const over = new Promise<undefined>((resolve) => { stop = this.onOver(() => resolve(undefined)); });
    try {
      return await Promise.race([promise, over]);
    } finally {
      stop();
    }
  }

  /** To be called when the POST is through. */
  clear(): void {
    clearTimeout(this.#timer);
    if (this.#outer !== undefined) waitingFor(this.#outer).delete(this.#giveUp);
  }

  #end(code: string): void {
    if (this.#code !== undefined) return;
    this.#code = code;
    for (const listener of this.#listeners) listener();
  }
}

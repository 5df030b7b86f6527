/** Resolves after so long, or at once when `signal` aborts. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });
}

/** Calls `act` soon, and not more often than every `everyMs`, however often it is asked to. */
export function throttled(act: () => void, everyMs: number, signal: AbortSignal): () => void {
  let due = false;
  return () => {
    if (due) return;
    due = true;
    void sleep(everyMs, signal).then(() => {
      due = false;
      if (!signal.aborted) act();
    });
  };
}

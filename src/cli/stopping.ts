const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs `work` until it ends by itself or a signal asks for its end, through the AbortSignal that it is given. The handlers stay to
 * the end of it: npm passes on a Ctrl-C that we had from the terminal already.
 */
export async function untilSignal<T>(work: (stopping: AbortSignal) => Promise<T>): Promise<T> {
  const stopping = new AbortController();
  const onSignal = () => stopping.abort();
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    return await work(stopping.signal);
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}

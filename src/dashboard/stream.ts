/** One line of the live stream: `notice` or `delivery`, as the API sends them. */
export interface LiveLine { readonly kind: string; readonly data: Readonly<Record<string, string | number | null>> }

/** After a stream has ended it is asked for again: soon, then less and less often. */
const FIRST_WAIT_MS = 1_000;
const LAST_WAIT_MS = 30_000;

/**
 * Listens to `/v1/stream` until `signal` aborts, and comes back whenever it ends. Read with fetch: an EventSource cannot send the
 * token in a header, and in a URL it would stand in logs. `onState` says whether it is heard.
 */
export async function listen(token: string, { onLine, onState, signal }: { onLine: (line: LiveLine) => void; onState: (live: boolean) => void; signal: AbortSignal }): Promise<void> {
  for (let waitMs = FIRST_WAIT_MS; !signal.aborted; waitMs = Math.min(waitMs * 2, LAST_WAIT_MS)) {
    try {
      const response = await fetch('/v1/stream?kind=notice,delivery', { headers: { authorization: `Bearer ${token}` }, cache: 'no-store', credentials: 'omit', signal });
      if (response.status === 401) return;
      if (response.ok && response.body) {
        onState(true);
        waitMs = FIRST_WAIT_MS;
        await read(response.body, onLine);
      }
    } catch { /* it broke, or we left */ }
    if (signal.aborted) return;
    onState(false);
    await new Promise((resolve) => { setTimeout(resolve, waitMs * (0.9 + Math.random() * 0.2)); });
  }
}

async function read(body: ReadableStream<Uint8Array>, onLine: (line: LiveLine) => void): Promise<void> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const messages = (rest + value).split('\n\n');
    rest = messages.pop() ?? '';
    for (const message of messages) tell(message, onLine);
  }
}

function tell(message: string, onLine: (line: LiveLine) => void): void {
  const fieldOf = (name: string) => message.split('\n').find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
  const [kind, data] = [fieldOf('event'), fieldOf('data')];
  if (kind !== undefined && data !== undefined) onLine({ kind, data: JSON.parse(data) as LiveLine['data'] });
}

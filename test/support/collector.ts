import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as a collector was told of it. Times in nanoseconds since 1970. */
export interface Span {
  name: string;
  kind: number;
  traceId: string;
  spanId: string;
  parentId: string;
  startNs: bigint;
  endNs: bigint;
  attributes: Record<string, unknown>;
  moments: { name: string; atNs: bigint }[];
  /** Undefined where nothing is wrong. */
  error: string | undefined;
  /** Of whoever told it. */
  resource: Record<string, unknown>;
}

/** The JSON of OTLP (opentelemetry-proto, trace/v1/trace.proto), as far as it is read here. */
interface Told { key: string; value: { stringValue?: string; intValue?: number | string; boolValue?: boolean; doubleValue?: number } }
interface Export {
  resourceSpans: {
    resource: { attributes: Told[] };
    scopeSpans: {
      spans: {
        name: string; kind: number; traceId: string; spanId: string; parentSpanId?: string; startTimeUnixNano: string; endTimeUnixNano: string;
        attributes: Told[]; events: { name: string; timeUnixNano: string }[]; status: { code: number; message?: string };
      }[];
    }[];
  }[];
}

const ERROR = 2;

const valuesOf = (told: readonly Told[]) => Object.fromEntries(told.map(({ key, value: { stringValue, intValue, boolValue, doubleValue } }) => [key, stringValue ?? boolValue ?? Number(intValue ?? doubleValue)]));

function spansIn(text: string): Span[] {
  return (JSON.parse(text) as Export).resourceSpans.flatMap(({ resource, scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans.map((span) => ({
    name: span.name, kind: span.kind, traceId: span.traceId, spanId: span.spanId, parentId: span.parentSpanId ?? '',
    startNs: BigInt(span.startTimeUnixNano), endNs: BigInt(span.endTimeUnixNano), attributes: valuesOf(span.attributes),
    moments: span.events.map(({ name, timeUnixNano }) => ({ name, atNs: BigInt(timeUnixNano) })),
    error: span.status.code === ERROR ? span.status.message ?? '' : undefined, resource: valuesOf(resource.attributes),
  }))));
}

/** A collector of traces on localhost, OTLP over HTTP in JSON. Answers with `answer`, or not at all where that is `hang`. */
export async function startCollector({ port = 0, answer = 200 }: { port?: number; answer?: number | 'hang' } = {}) {
  const spans: Span[] = [];
  const texts: string[] = [];
  const requests: { path: string; headers: IncomingHttpHeaders }[] = [];
  const hung: ServerResponse[] = [];
  const waiters: { until: () => boolean; resolve: () => void }[] = [];
  let how = answer;
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => { text += chunk; }).on('end', () => {
      requests.push({ path: request.url!, headers: request.headers });
      if (how === 'hang') hung.push(response);
      else response.writeHead(how, { 'content-type': 'application/json' }).end('{}');
      if (how === 200) { texts.push(text); spans.push(...spansIn(text)); }
      for (const waiter of waiters.splice(0)) if (waiter.until()) waiter.resolve(); else waiters.push(waiter);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const listening = (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${listening}/v1/traces`,
    port: listening,
    /** All that was taken, in the order in which it came, and the bodies that had it. */
    spans, texts, requests,
    answer: (next: number | 'hang') => { how = next; },
    /** Resolves when the condition holds; it is looked at with every request. */
    until: (condition: () => boolean): Promise<void> => new Promise((resolve) => { if (condition()) resolve(); else waiters.push({ until: condition, resolve }); }),
    /** Resolves when every connection on which it keeps somebody waiting is closed by them. */
    givenUp: () => Promise.all(hung.map((response) => new Promise<void>((resolve) => { if (response.closed) resolve(); else response.once('close', resolve); }))),
    async close() { server.closeAllConnections(); await new Promise((resolve) => server.close(resolve)); },
  };
}

export type Collector = Awaited<ReturnType<typeof startCollector>>;

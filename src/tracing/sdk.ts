import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { Exported } from './outgoing.js';
import type { EndedSpan } from './span.js';

export interface SdkOptions {
  /** The OTLP/HTTP endpoint of the collector. */
  url: string;
  headers: Readonly<Record<string, string>>;
  /** Whom to trust; without it, the well-known authorities. */
  secureContext: SecureContext | undefined;
  /** This daemon's name, and the version of what runs. */
  daemon: string;
  version: string;
}

/** OpenTelemetry, as much of it as is needed. */
export interface Sdk {
  /** Makes a span of theirs, which `onSpan` then gets. */
  record(span: EndedSpan): void;
  /** Sends spans to the collector; it never rejects. */
  send(spans: readonly ReadableSpan[]): Promise<Exported>;
  /** Ends all connections; what is being sent is given up. */
  close(): void;
}

/** For a batch with what the exporter repeats by itself; a stopping daemon waits for no longer. */
const SEND_MS = 3_000;

/** Loads the packages, which take some megabytes and some hundredths of a second: only a daemon that traces has them. */
export async function openSdk(options: SdkOptions, onSpan: (span: ReadableSpan) => void): Promise<Sdk> {
  const [api, base, { resourceFromAttributes }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/api'), import('@opentelemetry/sdk-trace-base'), import('@opentelemetry/resources'), import('@opentelemetry/exporter-trace-otlp-http'),
  ]);
  const { url, headers, daemon, version } = options;
  const agent = agentFor(options);
  const exporter = new OTLPTraceExporter({ url, headers: { ...headers }, timeoutMillis: SEND_MS, userAgent: `hookswitch/${version}`, httpAgentOptions: () => agent });

  let next = { traceId: '', spanId: '' };
  const provider = new base.BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'hookswitch', 'service.version': version, 'service.instance.id': daemon }),
    sampler: new base.AlwaysOnSampler(), // what is not to be sampled does not come here
    idGenerator: { generateTraceId: () => next.traceId, generateSpanId: () => next.spanId },
    spanProcessors: [{ onStart: () => {}, onEnd: onSpan, forceFlush: () => Promise.resolve(), shutdown: () => Promise.resolve() }],
  });
  const tracer = provider.getTracer('hookswitch', version);
  const kinds = { consumer: api.SpanKind.CONSUMER, internal: api.SpanKind.INTERNAL, client: api.SpanKind.CLIENT };

  return {
    record({ name, kind, traceId, spanId, parentId, startMs, endMs, attributes, moments, error }) {
      next = { traceId, spanId };
      const parent = parentId === undefined ? api.ROOT_CONTEXT : api.trace.setSpanContext(api.ROOT_CONTEXT, { traceId, spanId: parentId, traceFlags: api.TraceFlags.SAMPLED });
      const span = tracer.startSpan(name, { kind: kinds[kind], startTime: startMs, attributes }, parent);
      for (const moment of moments) span.addEvent(moment.name, { ms: moment.tookMs }, moment.atMs);
      if (error !== undefined) span.setStatus({ code: api.SpanStatusCode.ERROR, message: error });
      span.end(endMs);
    },
    send: (spans) => new Promise((resolve) => {
      // What it throws is its own fault, and it would throw it again.
      try {
        exporter.export([...spans], ({ error }) => resolve(error === undefined ? { kind: 'taken' } : failureOf(error)));
      } catch (error) {
        resolve({ kind: 'refused', reason: error instanceof Error ? error.name : 'unknown' });
      }
    }),
    close: () => { closeAgent(agent); },
  };
}

/** The exporter's errors have the collector's status as their code, or Node's code; what it has repeated in vain has none. */
function failureOf(error: Error & { code?: unknown }): Exported {
  if (typeof error.code === 'number') return { kind: 'refused', reason: `status ${error.code}` };
  return { kind: 'away', reason: typeof error.code === 'string' ? error.code : 'no good answer in time' };
}

function agentFor({ url, secureContext }: SdkOptions): HttpAgent {
  const kept = { keepAlive: true, maxSockets: 1 };
  return url.startsWith('https:') ? new HttpsAgent({ ...kept, ...(secureContext !== undefined && { secureContext }) }) : new HttpAgent(kept);
}

/**
 * Also what the exporter would repeat later finds no connection. Its error has no code, for what fails with one that the exporter knows it would
 * repeat once more.
 */
function closeAgent(agent: HttpAgent): void {
  const stopped = new Error('The daemon has stopped');
  for (const sockets of Object.values(agent.sockets)) for (const socket of sockets ?? []) socket.destroy(stopped);
  agent.createConnection = () => new Socket().destroy(stopped);
  agent.destroy();
}

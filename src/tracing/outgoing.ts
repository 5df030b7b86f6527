import { aborted, type Clock } from '../clock.js';
import type { Service } from '../lifecycle.js';
import type { Logger } from '../log.js';
import type { Metrics } from '../metrics.js';

/** What became of a batch: the collector has it, does not want it, or cannot be reached. */
export type Exported = { kind: 'taken' } | { kind: 'refused'; reason: string } | { kind: 'away'; reason: string };

export interface OutgoingDeps<Span> {
  /** Sends a batch; it never rejects. */
  send: (spans: readonly Span[]) => Promise<Exported>;
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
  log: Logger;
  metrics: Pick<Metrics, 'spansDropped'>;
}

/** The way of spans to their collector. */
export interface Outgoing<Span> extends Service {
  /** Takes a span at once, or drops it where too many wait already. */
  add(span: Span): void;
}

/** Some megabytes. */
const MOST_WAITING = 8_192;
const BATCH = 512;
const COLLECT_MS = 1_000;
const RETRY = { firstMs: 1_000, ceilingMs: 50_000 };

/**
 * Sends spans in batches, one after another, a second after the first at the latest. While the collector is away they wait, up to a bound; what comes
 * then is dropped and counted, and so is what the collector refuses. Nobody ever waits for it but the end of the daemon, which sends what is left as long
 * as it may.
 */
export function createOutgoing<Span>({ send, clock, random, log, metrics }: OutgoingDeps<Span>): Outgoing<Span> {
  const waiting: Span[] = [];
  const stopping = new AbortController();
  let bell = new AbortController();
  let failures = 0;
  let said: Exported['kind'] = 'taken';
  let loop: Promise<void> | undefined;
  let closed = false;

  function drop(reason: 'full' | 'refused' | 'stopped', count: number): void {
    if (count > 0) metrics.spansDropped.inc({ reason }, count);
  }

  /** Each change once. */
  function say(exported: Exported): void {
    if (exported.kind === said) return;
    said = exported.kind;
    if (exported.kind === 'away') log.warn('the trace collector cannot be reached', { reason: exported.reason });
    if (exported.kind === 'refused') log.warn('the trace collector refuses what it is sent', { reason: exported.reason });
    if (exported.kind === 'taken') log.info('the trace collector takes traces again');
  }

  /** Until nothing waits, or the collector is away. */
  async function sendAll(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, BATCH);
      const exported = await send(batch);
      if (closed) return; // given up, and counted
      say(exported);
      failures = exported.kind === 'away' ? failures + 1 : 0;
      if (exported.kind === 'away') return;
      waiting.splice(0, batch.length);
      if (exported.kind === 'refused') drop('refused', batch.length);
    }
  }

  async function rest(): Promise<void> {
    if (failures > 0) return await clock.sleep(Math.min(RETRY.firstMs * 2 ** (failures - 1), RETRY.ceilingMs) * (0.9 + random() * 0.2), stopping.signal);
    bell = new AbortController();
    await clock.sleep(COLLECT_MS, bell.signal);
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await rest();
      if (!stopping.signal.aborted) await sendAll();
    }
    if (failures === 0 && !closed) await sendAll();
  }

  return {
    name: 'traces',
    add(span) {
      if (waiting.length >= MOST_WAITING) return drop('full', 1);
      waiting.push(span);
      if (waiting.length >= BATCH && !bell.signal.aborted) bell.abort();
    },
    start: () => { loop ??= run(); return Promise.resolve(); },
    async stop(hurry) {
      stopping.abort();
      bell.abort();
      await Promise.race([loop, aborted(hurry)]);
      closed = true;
      drop('stopped', waiting.splice(0).length);
    },
  };
}

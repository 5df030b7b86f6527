import type { Notice } from '../calls/notice.js';
import type { Clock } from '../clock.js';
import type { Appended } from '../db/outbox-append.js';
import type { Delivery, NewDelivery } from '../db/outbox.js';
import type { Logger } from '../log.js';
import type { Outcome, Reply } from '../webhook/outcome.js';
import { appendSpanId, attemptSpanId, eventSpanId, isSampled, traceIdOf, traceparentOf } from './ids.js';
import { momentsOf } from './moments.js';
import type { EndedSpan } from './span.js';
import { wallTimeBy } from './wall-time.js';

export interface TraceDeps {
  /** Takes an ended span, at once. */
  record: (span: EndedSpan) => void;
  clock: Pick<Clock, 'now' | 'monotonicMs'>;
  log: Logger;
}

export interface TraceOptions {
  /** This daemon's, among those on one Postgres. */
  daemon: string;
  /** Of flows, from 0 to 1. */
  share: number;
}

/** What happens to a call, told as one trace: `event` (read to understood), in it `append` (read to committed), in it each `attempt`. Never throws. */
export interface Trace {
  /** A notice was understood. Nothing is recorded of one that nobody subscribed to. `eventName`: of the event that released it, where one did. */
  noticed(notice: Notice, deliveries: number, eventName: string | undefined): void;
  /** A delivery was committed, which it is once. */
  appended(delivery: NewDelivery, row: Pick<Appended, 'leased' | 'expired'>): void;
  /** The database will not have it, for `code`. */
  unstorable(delivery: NewDelivery, code: string): void;
  /** The header for the attempt that is now to be made. */
  traceparent(delivery: Delivery): string;
  /** That attempt was made, and has just ended. */
  attempted(delivery: Delivery, reply: Reply, outcome: Outcome): void;
}

type Told = Omit<EndedSpan, 'traceId' | 'moments' | 'error'> & Partial<Pick<EndedSpan, 'moments' | 'error'>>;

/** See `Trace`. */
export function createTrace({ record, clock, log }: TraceDeps, { daemon, share }: TraceOptions): Trace {
  const wallMs = wallTimeBy(clock);

  /** It stands between a switch and its webhooks: a fault in here must not cost any. */
  function tell(flowId: string, make: () => Told): void {
    try {
      const traceId = traceIdOf(flowId);
      if (isSampled(traceId, share)) record({ moments: [], error: undefined, ...make(), traceId });
    } catch (error) {
      log.error('a span was lost to a fault of ours', { error: error instanceof Error ? error.stack : String(error) });
    }
  }

  function append(delivery: NewDelivery, outcome: string, error?: string): Told {
    const nowMs = clock.monotonicMs();
    return {
      name: 'append', kind: 'internal', spanId: appendSpanId(delivery.id), parentId: eventSpanId(daemon, delivery.flowId, delivery.position),
      startMs: wallMs(delivery.receivedAtMs ?? nowMs), endMs: wallMs(nowMs), error,
      attributes: { ...attributesOf(delivery), 'hookswitch.append.outcome': outcome },
    };
  }

  return {
    noticed(notice, deliveries, eventName) {
      if (deliveries > 0) tell(notice.flowId, () => eventSpan(notice, { spanId: eventSpanId(daemon, notice.flowId, notice.position), startMs: wallMs(notice.receivedAtMs), endMs: wallMs(clock.monotonicMs()), deliveries, eventName }));
    },
    appended(delivery, { leased, expired }) {
      tell(delivery.flowId, () => append(delivery, expired ? 'expired' : delivery.held ? 'held' : leased ? 'leased' : 'waiting'));
    },
    unstorable(delivery, code) { tell(delivery.flowId, () => append(delivery, 'dropped', code)); },
    traceparent({ flowId, id, attempt }) {
      const traceId = traceIdOf(flowId);
      return traceparentOf(traceId, attemptSpanId(id, attempt), isSampled(traceId, share));
    },
    attempted(delivery, reply, outcome) {
      tell(delivery.flowId, () => attemptSpan(delivery, reply, outcome, wallMs(clock.monotonicMs())));
    },
  };
}

interface Reading { spanId: string; startMs: number; endMs: number; deliveries: number; eventName: string | undefined }

function eventSpan({ switchName, domain, flowId, state, synthetic, payload }: Notice, { deliveries, eventName, ...span }: Reading): Told {
  return {
    name: 'event', kind: 'consumer', parentId: undefined, ...span,
    attributes: {
      'hookswitch.event.name': eventName, 'hookswitch.switch': switchName, 'hookswitch.domain': domain, 'hookswitch.flow.id': flowId, 'hookswitch.call.id': payload.call_id,
      'hookswitch.state': state, 'hookswitch.synthetic': synthetic, 'hookswitch.deliveries': deliveries,
    },
  };
}

/** A test call comes from the API: no event was read for it, and nobody traces how it is stored. */
const TEST = 'test';

function attemptSpan(delivery: Delivery, reply: Reply, outcome: Outcome, endMs: number): Told {
  const { id, attempt, sequence, synthetic, url } = delivery;
  const { hostname, port, protocol } = new URL(url);
  const startMs = endMs - reply.timing.totalMs;
  return {
    name: 'attempt', kind: 'client', spanId: attemptSpanId(id, attempt), parentId: synthetic === TEST ? undefined : appendSpanId(id), startMs, endMs,
    moments: momentsOf(reply.timing, startMs), error: 'reason' in outcome ? outcome.reason : undefined,
    attributes: {
      ...attributesOf(delivery), 'hookswitch.sequence': sequence, 'hookswitch.attempt': attempt, 'hookswitch.outcome': outcome.kind,
      'http.request.method': 'POST', 'server.address': hostname, 'server.port': Number(port || (protocol === 'https:' ? 443 : 80)),
      'http.request.resend_count': attempt > 1 ? attempt - 1 : undefined, 'http.response.status_code': reply.kind === 'answered' ? reply.status : undefined,
      'error.type': 'reason' in outcome ? errorTypeOf(reply) : undefined,
    },
  };
}

function attributesOf({ id, flowId, event, subscriptionId }: Pick<NewDelivery, 'id' | 'flowId' | 'event' | 'subscriptionId'>): EndedSpan['attributes'] {
  return { 'hookswitch.delivery.id': id, 'hookswitch.flow.id': flowId, 'hookswitch.state': event, 'hookswitch.subscription.id': subscriptionId };
}

function errorTypeOf(reply: Reply): string {
  switch (reply.kind) {
    case 'answered': return String(reply.status);
    case 'unreachable': return reply.code;
    case 'forbidden': return reply.kind;
  }
}

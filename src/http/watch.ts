import type { Broadcast } from '../broadcast.js';
import type { SwitchEvent } from '../calls/event.js';
import type { Notice, Payload } from '../calls/notice.js';
import type { Clock } from '../clock.js';
import type { Delivery } from '../db/outbox.js';
import type { Logger } from '../log.js';
import type { Directory } from '../subscriptions/directory.js';
import type { LiveLine } from './live-line.js';

export interface WatchDeps {
  broadcast: Broadcast<LiveLine>;
  directory: Pick<Directory, 'idOf' | 'byId'>;
  /** The variables that name an event's tenant: the first that names one, else the first that is set. */
  domainVariables: readonly string[];
  clock: Pick<Clock, 'now'>;
  log: Logger;
}

/** Where the daemon's parts say what they do, for the live stream. Never throws, and does nothing while nobody listens. */
export interface Watch {
  event(event: SwitchEvent): void;
  /** `deliveries`: how many were promised. */
  notice(notice: Notice, deliveries: number): void;
  /** One attempt and what came of it; one that was not made since its lease had gone is left out. */
  attempt(delivery: Delivery, verdict: { kind: string; status?: number; reason?: string }, ms: number): void;
}

/** See `Watch`. */
export function createWatch({ broadcast, directory, domainVariables, clock, log }: WatchDeps): Watch {
  /** It stands between a switch and its webhooks: a fault in here must not cost any. */
  function tell(make: () => LiveLine): void {
    try {
      broadcast.tell(make());
    } catch (error) {
      log.error('a line of the live stream was lost to a fault of ours', { error: error instanceof Error ? error.stack : String(error) });
    }
  }

  return {
    event(event) { if (broadcast.isHeard()) tell(() => eventLine(event, domainVariables, directory)); },
    notice(notice, deliveries) { if (broadcast.isHeard()) tell(() => noticeLine(notice, deliveries, directory.idOf(notice.domain))); },
    attempt(delivery, verdict, ms) {
      if (!broadcast.isHeard() || verdict.kind === 'released') return;
      const subscription = directory.byId(delivery.subscriptionId);
      tell(() => {
        const { reason = null, status = null } = verdict;
        const payload = payloadOf(delivery.body);
        const { call_id = '', sip_call_id = '', domain = '' } = payload;
        return {
          kind: 'delivery', domainId: subscription?.domainId, domain: subscription?.domainName.toLowerCase() ?? domain,
          ids: [delivery.id, call_id, sip_call_id], numbers: numbersOf(payload),
          data: {
            at: clock.now().toISOString(), domain, id: delivery.id, event: delivery.event, url: withoutQuery(delivery.url), call_id, sequence: delivery.sequence,
            attempt: delivery.attempt, outcome: verdict.kind, status, reason, ms: Math.round(ms), synthetic: delivery.synthetic,
          },
        };
      });
    },
  };
}

/** The headers of an event that are shown, besides the variables that name its tenant. */
export const SHOWN_HEADERS = [
  'Unique-ID', 'Channel-Call-UUID', 'Other-Leg-Unique-ID', 'Caller-Caller-ID-Number', 'Caller-Destination-Number', 'variable_sip_call_id',
  'Call-Direction', 'Channel-Name', 'Answer-State', 'Hangup-Cause',
] as const;

function eventLine(event: SwitchEvent, domainVariables: readonly string[], directory: Pick<Directory, 'idOf'>): LiveLine {
  const value = (header: (typeof SHOWN_HEADERS)[number]) => event.get(header) ?? '';
  const named = domainVariables.map((name) => (event.get(`variable_${name}`) ?? '').toLowerCase()).filter((name) => name !== '');
  const domain = named.find((name) => directory.idOf(name) !== undefined) ?? named[0] ?? '';
  const ids = { uuid: value('Unique-ID'), call_uuid: value('Channel-Call-UUID'), other_uuid: value('Other-Leg-Unique-ID') };
  const numbers = { from_number: value('Caller-Caller-ID-Number'), to_number: value('Caller-Destination-Number') };
  return {
    kind: 'event', domainId: undefined, domain, numbers: Object.values(numbers), ids: [...Object.values(ids), value('variable_sip_call_id')],
    data: {
      at: new Date(event.timestampUs / 1_000).toISOString(), switch: event.switchName, event: event.name, subclass: event.subclass, sequence: event.sequence, domain,
      ...ids, ...numbers, call_direction: value('Call-Direction'), channel: value('Channel-Name'), answer_state: value('Answer-State'), cause: value('Hangup-Cause'),
    },
  };
}

function noticeLine({ switchName, flowId, legId, state, domain, position, occurredAtUs, payload, synthetic }: Notice, deliveries: number, domainId: string | undefined): LiveLine {
  const { call_id, sip_call_id, application, direction, from_number, to_number, hotline, duration = null, billsec = null, status = null } = payload;
  return {
    kind: 'notice', domainId, domain, ids: [flowId, legId, call_id, sip_call_id], numbers: numbersOf(payload),
    data: {
      at: new Date(occurredAtUs / 1_000).toISOString(), switch: switchName, domain, state, flow_id: flowId, leg_id: legId, call_id, sip_call_id, position, application, direction,
      from_number, to_number, hotline, duration, billsec, status, synthetic: synthetic ?? null, deliveries,
    },
  };
}

/** A query may carry a receiver's own secret. */
function withoutQuery(url: string): string {
  if (!URL.canParse(url)) return '';
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

function payloadOf(body: string): Partial<Payload> {
  return JSON.parse(body) as Partial<Payload>;
}

function numbersOf({ from_number = '', to_number = '', hotline = '' }: Partial<Payload>): string[] {
  return [from_number, to_number, hotline];
}

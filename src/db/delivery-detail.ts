import { LISTED, type ListedDelivery } from './delivery-list.js';
import type { Reader } from './reader.js';
import { isUuid } from './uuid.js';

/** One POST of a delivery: what it took, in milliseconds, and what it found. A part that did not take place is null. */
export interface StoredAttempt {
  readonly deliveryId: string;
  /** From 1. One whose daemon was killed is missing. */
  readonly number: number;
  readonly startedAt: Date;
  readonly outcome: string;
  readonly status: number | null;
  readonly reason: string | null;
  readonly dnsMs: number | null;
  readonly connectMs: number | null;
  readonly tlsMs: number | null;
  readonly firstByteMs: number | null;
  readonly totalMs: number;
  /** How the answer began. */
  readonly excerpt: string | null;
}

/** A delivery with its body, and what was tried. */
export interface DetailedDelivery extends ListedDelivery { readonly body: string; readonly attempts: readonly StoredAttempt[] }

const ATTEMPT = `a.delivery_id as "deliveryId", a.number, a.started_at as "startedAt", a.outcome, a.status, a.reason, a.dns_ms as "dnsMs",
  a.connect_ms as "connectMs", a.tls_ms as "tlsMs", a.first_byte_ms as "firstByteMs", a.total_ms as "totalMs"`;

/** More than a day of retries makes; replays on request may make more, and then the last ones are shown. */
const MOST_ATTEMPTS = 100;

/** More than any call has; of one that has, the first are shown. */
const MOST_DELIVERIES = 500;

/** A tenant's delivery; with null for the tenant, whosever it is, for admins only. Its id leads the primary key of each partition, so it costs a look into each. */
export async function findDelivery(read: Reader, domainId: string | null, id: string): Promise<DetailedDelivery | undefined> {
  if (!isUuid(id)) return undefined;
  return await read(async (db) => {
    const { rows: [delivery] } = await db.query<ListedDelivery & { body: string }>(
      `select ${LISTED}, d.body from delivery d where d.id = $2 and ($1::uuid is null or d.domain_uuid = $1)`, [domainId, id]);
    if (delivery === undefined) return undefined;
    const { rows: attempts } = await db.query<StoredAttempt>(
      `select ${ATTEMPT}, a.excerpt from attempt a where a.delivery_id = $1 and a.day = $2 order by a.number desc limit $3`, [id, delivery.day, MOST_ATTEMPTS]);
    return { ...delivery, attempts: attempts.reverse() };
  });
}

/**
 * What a tenant was told, or was to be told, of the call that has this id or is this flow, in the order in which it happened, with
 * what was tried; empty where there is none. Of several calls with one id (a SIP peer chooses its own), the latest. With null for the
 * tenant, whosever it is, for admins only.
 */
export async function findCall(read: Reader, domainId: string | null, id: string): Promise<Omit<DetailedDelivery, 'body'>[]> {
  return await read(async (db) => {
    const { rows: [flow] } = await db.query<{ flowId: string; day: string; domainId: string }>(
      `with of_call as materialized (
         select flow_id, day, domain_uuid, created_at from delivery where hashtextextended(call_id, 0) = hashtextextended($2, 0) and call_id = $2
         union all
         select flow_id, day, domain_uuid, created_at from delivery where hashtextextended(flow_id, 0) = hashtextextended($2, 0) and flow_id = $2
       )
       select flow_id as "flowId", day::text as day, domain_uuid as "domainId" from of_call
        where $1::uuid is null or domain_uuid = $1
        order by created_at desc
        limit 1`,
      [domainId, id],
    );
    if (flow === undefined) return [];
    const { rows: deliveries } = await db.query<ListedDelivery>(
      `select ${LISTED} from delivery d
        where hashtextextended(d.flow_id, 0) = hashtextextended($2, 0) and d.flow_id = $2 and d.domain_uuid = $1 and d.day = $3
        order by d.occurred_at, d.position, d.url, d.sequence
        limit $4`,
      [flow.domainId, flow.flowId, flow.day, MOST_DELIVERIES],
    );
    const { rows: attempts } = await db.query<StoredAttempt>(
      `select ${ATTEMPT}, null as excerpt from attempt a where a.day = $1 and a.delivery_id = any ($2::uuid[]) order by a.number`,
      [flow.day, deliveries.map((delivery) => delivery.id)],
    );
    const byDelivery = new Map<string, StoredAttempt[]>(deliveries.map(({ id: of }) => [of, []]));
    for (const attempt of attempts) byDelivery.get(attempt.deliveryId)?.push(attempt);
    return deliveries.map((delivery) => ({ ...delivery, attempts: byDelivery.get(delivery.id)! }));
  });
}

import type { Queryable } from './pool.js';
import type { Reader } from './reader.js';
import type { Place } from './subscription-change.js';

/** The states of a delivery; `held` waits for its subscription to be enabled, the last three are ends. */
export const DELIVERY_STATES = ['pending', 'leased', 'held', 'delivered', 'abandoned', 'expired'] as const;

export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** A delivery as it is listed: all but its body. */
export interface ListedDelivery extends Place {
  /** `YYYY-MM-DD`: with the id it finds the delivery in one partition. */
  readonly day: string;
  readonly domainId: string;
  readonly subscriptionId: string;
  readonly event: string;
  readonly state: DeliveryState;
  readonly callId: string;
  readonly flowId: string;
  readonly url: string;
  readonly sequence: number;
  readonly attempt: number;
  readonly lastStatus: number | null;
  readonly lastReason: string | null;
  readonly fromNumber: string;
  readonly toNumber: string;
  readonly occurredAt: Date;
  readonly createdAt: Date;
  readonly dueAt: Date;
  readonly settledAt: Date | null;
  readonly synthetic: string | null;
}

/** Which deliveries are wanted; what is not there leaves nothing out. */
export interface DeliveryFilter {
  readonly event?: string;
  readonly states?: readonly DeliveryState[];
  readonly callId?: string;
  /** The caller's or the callee's, exactly. */
  readonly number?: string;
  readonly subscriptionId?: string;
  /** Created at or after … */
  readonly from?: Date;
  /** … and before. */
  readonly to?: Date;
}

/** The columns of `ListedDelivery`, of a row called d. */
export const LISTED = `d.id, d.day::text as day, d.domain_uuid as "domainId", d.subscription_id as "subscriptionId", d.event, d.state, d.call_id as "callId",
  d.flow_id as "flowId", d.url, d.sequence, d.attempt, d.last_status as "lastStatus", d.last_reason as "lastReason", d.from_number as "fromNumber",
  d.to_number as "toNumber", d.occurred_at as "occurredAt", d.created_at as "createdAt", d.due_at as "dueAt", d.settled_at as "settledAt", d.synthetic,
  (extract(epoch from d.created_at) * 1000000)::bigint as "createdMicros"`;

/**
 * Deliveries of a tenant, or with null of all tenants there are (for admins only), newest first: up to `limit`, after the one that
 * ended the page before, be it there still or not.
 *
 * Each tenant's part is read from the index over (domain_uuid, created_at desc, id) in that order and ends with `limit` rows that
 * fit; of all tenants together, the newest are taken of that. So it costs what is asked for and not what there is, but for a filter
 * that fits rarely: it reads on through the tenant's own history, for as long as the reader lets it.
 */
export async function listDeliveries(read: Reader, domainId: string | null, filter: DeliveryFilter, limit: number, after?: Place): Promise<ListedDelivery[]> {
  if (filter.callId !== undefined) return await read((db) => listOfCall(db, domainId, filter, limit, after));
  const { rows } = await read((db) => db.query<ListedDelivery>(
    `select d.*
       from (select domain_uuid from domain where $1::uuid is null or domain_uuid = $1) t
      cross join lateral (
        select ${LISTED} from delivery d
         where d.domain_uuid = t.domain_uuid
           and ($3::bigint is null or (d.created_at <= timestamptz 'epoch' + $3 * interval '1 microsecond'
                                       and (d.created_at < timestamptz 'epoch' + $3 * interval '1 microsecond' or d.id > $4::uuid)))
           and ($5::text is null or d.event = $5)
           and ($6::text[] is null or d.state = any ($6))
           and ($7::text is null or d.from_number = $7 or d.to_number = $7)
           and ($8::uuid is null or d.subscription_id = $8)
           and ($9::timestamptz is null or d.created_at >= $9)
           and ($10::timestamptz is null or d.created_at < $10)
         order by d.created_at desc, d.id
         limit $2
      ) d
      order by d."createdAt" desc, d.id
      limit $2`,
    [domainId, limit, after?.createdMicros ?? null, after?.id ?? null, ...conditions(filter)],
  ));
  return rows;
}

/** Those of one call, found by the index over its id and by no other: as many as a call has, whoever's, and of these the tenant's. */
async function listOfCall(db: Queryable, domainId: string | null, filter: DeliveryFilter, limit: number, after?: Place): Promise<ListedDelivery[]> {
  const { rows } = await db.query<ListedDelivery>(
    `with of_call as materialized (
       select * from delivery where hashtextextended(call_id, 0) = hashtextextended($11, 0) and call_id = $11
     )
     select ${LISTED} from of_call d
      where ($1::uuid is null or d.domain_uuid = $1)
        and ($3::bigint is null or (d.created_at <= timestamptz 'epoch' + $3 * interval '1 microsecond'
                                    and (d.created_at < timestamptz 'epoch' + $3 * interval '1 microsecond' or d.id > $4::uuid)))
        and ($5::text is null or d.event = $5)
        and ($6::text[] is null or d.state = any ($6))
        and ($7::text is null or d.from_number = $7 or d.to_number = $7)
        and ($8::uuid is null or d.subscription_id = $8)
        and ($9::timestamptz is null or d.created_at >= $9)
        and ($10::timestamptz is null or d.created_at < $10)
      order by d.created_at desc, d.id
      limit $2`,
    [domainId, limit, after?.createdMicros ?? null, after?.id ?? null, ...conditions(filter), filter.callId],
  );
  return rows;
}

function conditions({ event, states, number, subscriptionId, from, to }: DeliveryFilter): unknown[] {
  return [event ?? null, states ?? null, number ?? null, subscriptionId ?? null, from ?? null, to ?? null];
}

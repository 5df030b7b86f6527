import type { Queryable } from './pool.js';

/** What is sent once more on request: what was taken, what was not, what had grown too old, and what is held. */
export type ReplayableState = 'delivered' | 'abandoned' | 'expired' | 'held';

/** Which of a tenant's deliveries; everything that is named has to fit. */
export interface ReplayFilter {
  readonly domainId: string;
  readonly subscriptionId?: string;
  /** The id in the webhook, or that of its flow. */
  readonly callId?: string;
  /** Caller or callee. */
  readonly number?: string;
  /** When it was promised: from here on, and before there. */
  readonly from?: Date;
  readonly to?: Date;
  /** All but what was taken, unless told. */
  readonly states?: readonly ReplayableState[];
}

export interface ReplayProgress {
  readonly replayed: number;
  /** Deliveries looked at for that. */
  readonly looked: number;
  /** To go on with; null: all is done. */
  readonly cursor: string | null;
}

/**
 * Makes one delivery of a tenant due now, whatever became of it: it keeps its id, number and body, its attempts are counted on, and its
 * waits and its time to live begin anew. `in-progress`: it waits or is being sent anyway. Of several that ask at once, one retries it.
 */
export async function retryDelivery(db: Queryable, domainId: string, id: string): Promise<'retried' | 'not-found' | 'in-progress'> {
  const { rows } = await db.query<{ answer: 'retried' | 'not-found' | 'in-progress' }>(
    `with found as (
       select day, id from delivery where domain_uuid = $1 and id = $2
     ), retried as (
       update delivery d
          set state = 'pending', due_at = now(), settled_at = null, first_attempt_at = null, attempts_before = d.attempt,
              replayed_at = case when d.state = 'held' then d.replayed_at else now() end, expires_at = now() + d.ttl_ms * interval '1 ms'
         from found
        where d.day = found.day and d.id = found.id and d.state in ('delivered', 'abandoned', 'expired', 'held')
       returning 1
     )
     select case when exists (select from retried) then 'retried' when exists (select from found) then 'in-progress' else 'not-found' end as answer`,
    [domainId, id],
  );
  return rows[0]!.answer;
}

const GIVEN_UP: readonly ReplayableState[] = ['abandoned', 'expired', 'held'];

/** Deliveries looked at by one statement: a filter that fits nothing must not keep it busy for long. */
const LOOK = 20_000;

/**
 * Makes up to `limit` deliveries that fit due again, as `retryDelivery` does, the oldest first and each lane in its order. To be called
 * with the cursor of the call before until that is null. What several replay at once is replayed once.
 */
export async function replay(db: Queryable, filter: ReplayFilter, limit: number, cursor: string | null = null): Promise<ReplayProgress> {
  const { rows } = await db.query<Omit<ReplayProgress, 'cursor'> & { at: string | null; lane: string | null; sequence: number | null }>(
    `with fitting as (
       select d.day, d.id, d.lane, d.sequence, d.created_at, d.state, d.subscription_id, d.from_number, d.to_number
         from delivery d
        where $4::text is null and d.domain_uuid = $1 and d.created_at >= greatest($6::timestamptz, $9::timestamptz) and d.created_at < $7
       union all
       select d.day, d.id, d.lane, d.sequence, d.created_at, d.state, d.subscription_id, d.from_number, d.to_number
         from delivery d
        where $4::text is not null and d.domain_uuid = $1 and d.created_at >= $6 and d.created_at < $7
          and ((hashtextextended(d.call_id, 0) = hashtextextended($4, 0) and d.call_id = $4)
            or (hashtextextended(d.flow_id, 0) = hashtextextended($4, 0) and d.flow_id = $4))
     ), looked as (
       select * from fitting where (created_at, lane, sequence) > ($9, $10::bigint, $11::integer) order by created_at, lane, sequence limit $12
     ), chosen as (
       select * from looked
        where state = any ($2::text[]) and ($3::uuid is null or subscription_id = $3) and ($5::text is null or $5 in (from_number, to_number))
        order by created_at, lane, sequence
        limit $8
     ), replayed as (
       update delivery d
          set state = 'pending', due_at = now(), settled_at = null, first_attempt_at = null, attempts_before = d.attempt,
              replayed_at = case when d.state = 'held' then d.replayed_at else now() end, expires_at = now() + d.ttl_ms * interval '1 ms'
         from chosen
        where d.day = chosen.day and d.id = chosen.id and d.state = any ($2)
       returning 1
     ), counted as (
       select (select count(*) from replayed)::integer as replayed, (select count(*) from looked)::integer as looked,
              (select count(*) from chosen) = $8 as is_full
     )
     select c.replayed, c.looked, last.created_at::text as at, last.lane::text as lane, last.sequence
       from counted c
       left join lateral (
         select * from (select created_at, lane, sequence from chosen where c.is_full union all select created_at, lane, sequence from looked where not c.is_full and c.looked = $12) l
          order by created_at desc, lane desc, sequence desc
          limit 1
       ) last on true`,
    [
      filter.domainId, filter.states ?? GIVEN_UP, filter.subscriptionId ?? null, filter.callId ?? null, filter.number ?? null,
      filter.from?.toISOString() ?? '-infinity', filter.to?.toISOString() ?? 'infinity', limit, ...positionOf(cursor), LOOK,
    ],
  );
  const { replayed, looked, at, lane, sequence } = rows[0]!;
  return { replayed, looked, cursor: at === null ? null : Buffer.from(JSON.stringify([at, lane, sequence])).toString('base64url') };
}

/** Throws a RangeError for what is no cursor of ours. */
function positionOf(cursor: string | null): [at: string, lane: string, sequence: number] {
  if (cursor === null) return ['-infinity', '0', 0];
  const [at, lane, sequence] = partsOf(cursor);
  const isTime = typeof at === 'string' && /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?[+-]\d\d(:\d\d){0,2}$/.test(at);
  if (!isTime || typeof lane !== 'string' || !/^-?\d{1,19}$/.test(lane) || !Number.isInteger(sequence)) throw new RangeError('This is no cursor of a replay');
  return [at, lane, sequence as number];
}

function partsOf(cursor: string): unknown[] {
  try {
    const parts = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown;
    return Array.isArray(parts) ? parts : [];
  } catch {
    return [];
  }
}

const HELD_BATCH = 5_000;

/** Makes due what is held of a subscription, which is enabled again, and returns how much that was; each lane keeps its order. */
export function releaseHeld(db: Queryable, subscriptionId: string): Promise<number> {
  return inBatches(async () => (await db.query(
    `with held as (
       select day, id from delivery where subscription_id = $1 and state = 'held' order by created_at, lane, sequence limit $2 for update skip locked
     )
     update delivery d set state = 'pending', due_at = now() from held where d.day = held.day and d.id = held.id`,
    [subscriptionId, HELD_BATCH],
  )).rowCount ?? 0);
}

/** Gives up what is held of a subscription, visibly, and returns how much that was. */
export function dropHeld(db: Queryable, subscriptionId: string): Promise<number> {
  return inBatches(async () => (await db.query(
    `with held as (
       select day, id from delivery where subscription_id = $1 and state = 'held' order by created_at, lane, sequence limit $2 for update skip locked
     )
     update delivery d set state = 'abandoned', settled_at = now(), last_reason = 'dropped while its subscription was disabled'
       from held
      where d.day = held.day and d.id = held.id`,
    [subscriptionId, HELD_BATCH],
  )).rowCount ?? 0);
}

/** Statement after statement, until one finds no more. */
async function inBatches(statement: () => Promise<number>): Promise<number> {
  for (let total = 0; ;) {
    const count = await statement();
    total += count;
    if (count < HELD_BATCH) return total;
  }
}

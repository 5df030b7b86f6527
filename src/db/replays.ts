import type { ReplayableState } from './outbox-replay.js';
import { codeOf, type Queryable } from './pool.js';
import { isUuid } from './uuid.js';

/** What of a tenant's history is to be sent once more; what is null leaves nothing out. */
export interface ReplaySelection {
  readonly domainId: string;
  readonly subscriptionId: string | null;
  readonly callId: string | null;
  /** The caller's or the callee's, exactly. */
  readonly number: string | null;
  /** Created at or after … */
  readonly from: Date | null;
  /** … and before. */
  readonly to: Date;
  readonly states: readonly ReplayableState[];
}

/** A replay and how far it has come. */
export interface StoredReplay {
  readonly id: string;
  readonly state: 'running' | 'finished';
  /** Deliveries that fitted when it began; null where they are not counted. */
  readonly matched: number | null;
  readonly replayed: number;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

/** A replay whose next step is ours until the transaction ends. */
export interface DueReplay extends ReplaySelection { readonly id: string; readonly matched: number | null; readonly replayed: number; readonly cursor: string | null }

const COLUMNS = `replay_id as id, state, matched, replayed, created_at as "createdAt", finished_at as "finishedAt"`;

/** Finished ones are shown for so long. */
const KEPT_DAYS = 30;

/**
 * Begins a replay; where the tenant has one that is running, `created` is false and it is that one's. Of two at once one begins. What
 * was asked to be sent up to a moment to come is sent up to now, which is rounded up: a Date holds no microseconds.
 */
export async function addReplay(db: Queryable, { domainId, subscriptionId, callId, number, from, to, states }: Omit<ReplaySelection, 'to'> & { to: Date | null }): Promise<{ id: string; created: boolean }> {
  await db.query(`delete from replay where domain_uuid = $1 and state = 'finished' and finished_at < now() - $2 * interval '1 day'`, [domainId, KEPT_DAYS]);
  // The update changes nothing: it makes the row that is there come back. A row that was just inserted has no xmax.
  const { rows } = await db.query<{ id: string; created: boolean }>(
    `insert into replay (domain_uuid, subscription_id, call_id, number, from_at, to_at, states)
     values ($1, $2, $3, $4, $5, least($6::timestamptz, date_trunc('milliseconds', now()) + interval '1 ms'), $7)
     on conflict (domain_uuid) where state = 'running' do update set state = replay.state
     returning replay_id as id, xmax = 0 as created`,
    [domainId, subscriptionId, callId, number, from, to, states],
  );
  return rows[0]!;
}

/** A tenant's replay; with null for the tenant, whosever it is, for admins only. */
export async function findReplay(db: Queryable, domainId: string | null, id: string): Promise<StoredReplay | undefined> {
  if (!isUuid(id)) return undefined;
  const { rows } = await db.query<StoredReplay>(`select ${COLUMNS} from replay where replay_id = $2 and ($1::uuid is null or domain_uuid = $1)`, [domainId, id]);
  return rows[0];
}

/** The replay that has waited longest for its next step, kept from other processes until the transaction ends: these take another, or none. */
export async function takeReplay(transaction: Queryable): Promise<DueReplay | undefined> {
  const { rows } = await transaction.query<DueReplay>(
    `select replay_id as id, domain_uuid as "domainId", subscription_id as "subscriptionId", call_id as "callId", number, from_at as "from", to_at as "to",
            states, matched, replayed, cursor
       from replay
      where state = 'running' and step_at <= now()
      order by step_at
      limit 1
        for update skip locked`);
  return rows[0];
}

/** In how many milliseconds the next step of any replay is due, less than 0 where it is overdue; null where none is running. */
export async function nextStepMs(db: Queryable): Promise<number | null> {
  const { rows } = await db.query<{ ms: number | null }>(
    `select (extract(epoch from min(step_at) - clock_timestamp()) * 1000)::float8 as ms from replay where state = 'running'`);
  return rows[0]!.ms;
}

/** How far a replay has come, and when its next step is due; over where `cursor` is null. In the transaction that took it, so a step is done and noted, or neither. */
export async function noteStep(
  transaction: Queryable, id: string, { replayed, matched, cursor, pauseMs }: { replayed: number; matched: number | null; cursor: string | null; pauseMs: number },
): Promise<void> {
  await transaction.query(
    `update replay
        set replayed = replayed + $2, matched = $3, cursor = $4, step_at = clock_timestamp() + $5 * interval '1 ms',
            state = case when $4::text is null then 'finished' else 'running' end, finished_at = case when $4::text is null then clock_timestamp() end
      where replay_id = $1`,
    [id, replayed, matched, cursor, pauseMs],
  );
}

/** Puts a replay's next step off. In the transaction that took it. */
export async function putOff(transaction: Queryable, id: string, pauseMs: number): Promise<void> {
  await transaction.query(`update replay set step_at = clock_timestamp() + $2 * interval '1 ms' where replay_id = $1`, [id, pauseMs]);
}

/** Where a tenant's webhooks go: to all his subscriptions, or to one. */
export async function urlsOf(db: Queryable, domainId: string, subscriptionId: string | null): Promise<string[]> {
  const { rows } = await db.query<{ url: string }>(
    `select distinct callback_url as url from event_domain where domain_uuid = $1 and ($2::uuid is null or event_domain_uuid = $2)`, [domainId, subscriptionId]);
  return rows.map(({ url }) => url);
}

/** Whether at least `most` of a tenant's deliveries wait for these URLs. It reads so many entries of the index and no more. */
export async function hasBacklog(db: Queryable, domainId: string, urlKeys: readonly string[], most: number): Promise<boolean> {
  const { rows } = await db.query<{ full: boolean }>(
    `select count(*) >= $3 as full
       from unnest($2::bigint[]) as u (url_key)
      cross join lateral (select from delivery d where d.url_key = u.url_key and d.state = 'pending' and d.domain_uuid = $1 limit $3) waiting`,
    [domainId, urlKeys, most],
  );
  return rows[0]!.full;
}

/** Counted for so long; who has more than can be counted in that does not wait for the number. */
const COUNT_MS = 2_000;

/**
 * How many deliveries a replay finds at its beginning, by the conditions of `replay`; null where counting takes too long. A transaction
 * goes on after that, for the count has a savepoint of its own.
 */
export async function countReplay(transaction: Queryable, { domainId, subscriptionId, callId, number, from, to, states }: ReplaySelection): Promise<number | null> {
  await transaction.query('savepoint counting');
  await transaction.query(`select set_config('statement_timeout', $1, true)`, [String(COUNT_MS)]);
  try {
    const { rows } = await transaction.query<{ count: number }>(
      `select count(*) as count
         from (select from delivery d
                where $4::text is null and d.domain_uuid = $1 and d.created_at >= coalesce($6::timestamptz, '-infinity') and d.created_at < $7
                  and d.state = any ($2::text[]) and ($3::uuid is null or d.subscription_id = $3) and ($5::text is null or $5 in (d.from_number, d.to_number))
               union all
               select from delivery d
                where d.domain_uuid = $1 and d.created_at >= coalesce($6::timestamptz, '-infinity') and d.created_at < $7
                  and ((hashtextextended(d.call_id, 0) = hashtextextended($4, 0) and d.call_id = $4)
                    or (hashtextextended(d.flow_id, 0) = hashtextextended($4, 0) and d.flow_id = $4))
                  and d.state = any ($2::text[]) and ($3::uuid is null or d.subscription_id = $3) and ($5::text is null or $5 in (d.from_number, d.to_number))) fitting`,
      [domainId, states, subscriptionId, callId, number, from, to],
    );
    return rows[0]!.count;
  } catch (error) {
    if (codeOf(error) === QUERY_CANCELED) return null;
    throw error;
  } finally {
    await transaction.query('rollback to savepoint counting');
  }
}

const QUERY_CANCELED = '57014';

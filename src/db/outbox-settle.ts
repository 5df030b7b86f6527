import type { Outcome } from '../webhook/outcome.js';
import type { Queryable } from './pool.js';

/** What becomes of a lease. `released` was never sent: the row goes back as if it had not been leased. Nor was `expired`. */
export interface Settlement { readonly id: string; readonly attempt: number; readonly outcome: Outcome | { kind: 'released' } | { kind: 'held' } }

/** A lease that was still ours, and is settled. */
export interface Settled {
  readonly id: string;
  /** Of the lease: a row that was lost and came to us again may be settled twice at once. */
  readonly attempt: number;
  /** The lane has something pending that may now be claimed. */
  readonly frees: boolean;
}

export interface SettleOptions { daemonId: number; holdMs: number }

/**
 * Records what became of leases, and returns those that were still held: id, attempt and holder together are the fence, so a
 * late answer cannot undo what another process has begun meanwhile.
 *
 * No retry is put off beyond the delivery's time to live: then it ends, see `expire`.
 *
 * Where a head is to be retried, all that waits behind it is put off as long, in the same statement: else every claim would
 * step over those rows again. A lane waits no longer than its head may hold it. The caller releases, in the same call, what
 * it has leased behind such a head; waiting for one's turn is not an attempt.
 *
 * Rows are found as OUTBOX_SETUP explains: `any (array[…])` leaves no way but the index on that column, and no `state` in the
 * conditions, none through an index that holds only that state. Whatever is leased has a `leased_by` (a check of the table).
 */
export async function settle(db: Queryable, settlements: readonly Settlement[], { daemonId, holdMs }: SettleOptions): Promise<Settled[]> {
  const { rows } = await db.query<Settled>(
    `with result as (
       select * from unnest($1::uuid[], $2::integer[], $3::text[], $4::float8[], $5::integer[], $6::text[])
         as r (id, attempt, outcome, after_ms, status, reason)
     ), block as (
       select d.lane, d.position,
              least(now() + r.after_ms * interval '1 ms', d.first_attempt_at + $8 * interval '1 ms', d.expires_at) as until
         from result r
         join delivery d on d.id = any (array[r.id]) and d.attempt = r.attempt and d.leased_by = $7
        where r.outcome = 'retry' and d.first_attempt_at + $8 * interval '1 ms' > now()
     ), settled as (
       update delivery d
          set state = case when r.outcome in ('retry', 'released') then 'pending' else r.outcome end,
              leased_by = null,
              attempt = d.attempt - (r.outcome in ('released', 'expired'))::integer,
              due_at = case r.outcome
                when 'retry' then least(now() + r.after_ms * interval '1 ms', d.expires_at)
                when 'released' then greatest(d.due_at, (select max(b.until) from block b where b.lane = d.lane and b.position < d.position))
                else d.due_at end,
              first_attempt_at = case when r.outcome in ('released', 'expired') and d.attempt = 1 then null else d.first_attempt_at end,
              last_status = case when r.outcome in ('released', 'expired') then d.last_status else r.status end,
              last_reason = case r.outcome
                when 'released' then d.last_reason
                when 'expired' then expiry_reason(d.occurred_at, d.expires_at, d.last_reason)
                else r.reason end,
              settled_at = case when r.outcome in ('delivered', 'abandoned', 'expired') then now() end
         from result r
        where d.id = any (array[r.id]) and d.attempt = r.attempt and d.leased_by = $7
       returning d.id, r.attempt, d.lane, d.settled_at
     ), put_off as (
       update delivery d
          set due_at = b.until
         from block b
        where d.lane = any (array[b.lane]) and d.position > b.position and d.leased_by is null and d.settled_at is null and d.due_at < b.until
     )
     select s.id, s.attempt, s.settled_at is not null and exists (
              select 1 from delivery d where d.lane = s.lane and d.state in ('pending', 'leased') and d.leased_by is null) as frees
       from settled s`,
    [
      settlements.map(({ id }) => id),
      settlements.map(({ attempt }) => attempt),
      // Whoever ended the subscription, this delivery of it is given up.
      settlements.map(({ outcome }) => outcome.kind === 'disabled' || outcome.kind === 'held' ? 'abandoned' : outcome.kind),
      settlements.map(({ outcome }) => outcome.kind === 'retry' ? outcome.afterMs : 0),
      settlements.map(({ outcome }) => 'status' in outcome ? outcome.status : null),
      settlements.map(({ outcome }) => 'reason' in outcome ? outcome.reason : null),
      daemonId, holdMs,
    ],
  );
  return rows;
}

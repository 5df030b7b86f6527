import type { AttemptRecord, Outcome } from '../webhook/outcome.js';
import { byDay } from './outbox-day.js';
import type { Queryable } from './pool.js';

/**
 * What becomes of a lease. `released` was never sent: the row goes back as if it had not been leased. Nor was `expired`, nor
 * `held`, which waits until its subscription is enabled again. `disabled` ends the delivery like `abandoned`; the subscription is
 * the caller's concern.
 */
export interface Settlement {
  readonly id: string;
  readonly day: string;
  readonly attempt: number;
  readonly outcome: Outcome | { kind: 'released' } | { kind: 'held' };
  /** Of the POST, where one was made. */
  readonly record?: AttemptRecord | undefined;
}

/** A lease that was still ours, and is settled. */
export interface Settled {
  readonly id: string;
  /** Of the lease: a row that was lost and came to us again may be settled twice at once. */
  readonly attempt: number;
  /** The lane has something pending that may now be claimed. */
  readonly frees: boolean;
}

export interface SettleOptions { daemonId: number; holdMs: number }

/** Records what became of leases, and returns those that were still held; a statement for each day. What of a lane is settled together is of one day. */
export async function settle(db: Queryable, settlements: readonly Settlement[], options: SettleOptions): Promise<Settled[]> {
  const settled: Settled[] = [];
  for (const [day, some] of byDay(settlements, (settlement) => settlement.day)) settled.push(...await settleDay(db, day, some, options));
  return settled;
}

/**
 * Id, attempt and holder together are the fence, so a late answer cannot undo what another process has begun meanwhile. The
 * record of an attempt is written with its outcome, or not at all.
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
async function settleDay(db: Queryable, day: string, settlements: readonly Settlement[], { daemonId, holdMs }: SettleOptions): Promise<Settled[]> {
  const { rows } = await db.query<Settled>(
    `with result as (
       select * from unnest($2::uuid[], $3::integer[], $4::text[], $5::float8[], $6::integer[], $7::text[],
                            $10::timestamptz[], $11::real[], $12::real[], $13::real[], $14::real[], $15::real[], $16::text[])
         as r (id, attempt, outcome, after_ms, status, reason, started_at, dns_ms, connect_ms, tls_ms, first_byte_ms, total_ms, excerpt)
     ), block as (
       select d.lane, d.sequence,
              least(now() + r.after_ms * interval '1 ms', d.first_attempt_at + $9 * interval '1 ms', d.expires_at) as until
         from result r
         join delivery d on d.day = $1 and d.id = any (array[r.id]) and d.attempt = r.attempt and d.leased_by = $8
        where r.outcome = 'retry' and d.first_attempt_at + $9 * interval '1 ms' > now()
     ), settled as (
       update delivery d
          set state = case when r.outcome in ('retry', 'released') then 'pending' when r.outcome = 'disabled' then 'abandoned' else r.outcome end,
              leased_by = null,
              attempt = d.attempt - (r.outcome in ('released', 'expired', 'held'))::integer,
              due_at = case r.outcome
                when 'retry' then least(now() + r.after_ms * interval '1 ms', d.expires_at)
                when 'released' then greatest(d.due_at, (select max(b.until) from block b where b.lane = d.lane and b.sequence < d.sequence))
                else d.due_at end,
              first_attempt_at = case when r.outcome in ('released', 'expired', 'held') and d.attempt = 1 then null else d.first_attempt_at end,
              last_status = case when r.outcome in ('released', 'expired', 'held') then d.last_status else r.status end,
              last_reason = case
                when r.outcome in ('released', 'held') then d.last_reason
                when r.outcome = 'expired' then expiry_reason(d.occurred_at, d.expires_at, d.last_reason)
                else r.reason end,
              settled_at = case when r.outcome in ('delivered', 'abandoned', 'disabled', 'expired') then now() end
         from result r
        where d.day = $1 and d.id = any (array[r.id]) and d.attempt = r.attempt and d.leased_by = $8
       returning d.lane, d.state, r.*
     ), put_off as (
       update delivery d
          set due_at = b.until
         from block b
        where d.day = $1 and d.lane = any (array[b.lane]) and d.sequence > b.sequence and d.leased_by is null and d.settled_at is null and d.due_at < b.until
     ), recorded as (
       insert into attempt (delivery_id, day, number, started_at, daemon, outcome, status, reason, dns_ms, connect_ms, tls_ms, first_byte_ms, total_ms, excerpt)
       select id, $1::date, attempt, started_at, coalesce((select name from daemon where daemon.id = $8), ''), outcome, status, reason,
              dns_ms, connect_ms, tls_ms, first_byte_ms, total_ms, excerpt
         from settled
        where started_at is not null
           on conflict do nothing
     )
     select s.id, s.attempt, s.state <> 'pending' and exists (
              select 1 from delivery d where d.day = $1 and d.lane = s.lane and d.state in ('pending', 'leased') and d.leased_by is null) as frees
       from settled s`,
    [day, ...columns(settlements), daemonId, holdMs, ...recordColumns(settlements)],
  );
  return rows;
}

function columns(settlements: readonly Settlement[]): unknown[] {
  return [
    settlements.map(({ id }) => id),
    settlements.map(({ attempt }) => attempt),
    settlements.map(({ outcome }) => outcome.kind),
    settlements.map(({ outcome }) => outcome.kind === 'retry' ? outcome.afterMs : 0),
    settlements.map(({ outcome }) => 'status' in outcome ? outcome.status : null),
    settlements.map(({ outcome }) => 'reason' in outcome ? outcome.reason : null),
  ];
}

function recordColumns(settlements: readonly Settlement[]): unknown[] {
  const column = (of: (record: AttemptRecord) => unknown) => settlements.map(({ record }) => (record === undefined ? null : of(record) ?? null));
  return [
    column(({ startedAt }) => startedAt.toISOString()),
    column(({ timing }) => timing.dnsMs), column(({ timing }) => timing.connectMs), column(({ timing }) => timing.tlsMs),
    column(({ timing }) => timing.firstByteMs), column(({ timing }) => timing.totalMs),
    column(({ excerpt }) => excerpt?.replaceAll('\0', '')), // which no text of Postgres can hold, and the outcome must not be lost over it
  ];
}

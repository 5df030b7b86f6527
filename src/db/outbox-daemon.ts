import type { Queryable } from './pool.js';

/** The first half of the advisory locks that show which daemons live; the second is the daemon's id. */
export const LOCK_CLASS = 1_215_262_571;

/**
 * Makes this process known, with the version of its build, and returns its id. The session keeps a lock on it until it ends, however it ends; nobody sees the
 * row before the lock is held.
 */
export async function register(session: Queryable, name: string, version?: string): Promise<number> {
  const { rows } = await session.query<{ id: number }>(
    `with me as (insert into daemon (name, version) values ($1, $3) returning id)
     select id, pg_advisory_lock($2, id) from me`,
    [name, LOCK_CLASS, version ?? null],
  );
  return rows[0]!.id;
}

/** Says that daemon `id` lives. False where it is no longer known: it was silent for too long, and its leases are gone. */
export async function heartbeat(session: Queryable, id: number): Promise<boolean> {
  const { rowCount } = await session.query(`update daemon set seen_at = now() where id = $1`, [id]);
  return rowCount === 1;
}

/** Takes the daemon's lock again, on a new session. False while the session that was lost still has it at the server. */
export async function relock(session: Queryable, id: number): Promise<boolean> {
  const { rows } = await session.query<{ locked: boolean }>(`select pg_try_advisory_lock($1, $2) as locked`, [LOCK_CLASS, id]);
  return rows[0]!.locked;
}

/**
 * Takes over from earlier processes of the same name whose session has ended, so that a restart goes on at once and not when
 * their leases run out. Returns how many deliveries came back. Of two that try, one gets the lock and does it all.
 */
export async function takeOver(session: Queryable, id: number, name: string): Promise<number> {
  const { rows } = await session.query<{ count: number }>(
    `with dead as materialized (
       select d.id from (select id from daemon where name = $1 and id <> $2 offset 0) d where pg_try_advisory_lock($3, d.id)
     ), back as (
       update delivery set state = 'pending', leased_by = null, due_at = now()
        where state = 'leased' and leased_by in (select dead.id from dead)
       returning 1
     ), gone as (
       delete from daemon where daemon.id in (select dead.id from dead)
     )
     select (select count(*) from back)::integer as count, (select count(pg_advisory_unlock($3, dead.id)) from dead) as unlocked`,
    [name, id, LOCK_CLASS],
  );
  return rows[0]!.count;
}

/**
 * Returns to the outbox what daemons have leased that were not heard of for `leaseMs`, or are gone. The attempt in hand stays
 * counted, for it may have been made. A row that has changed hands meanwhile is left alone. Returns how many came back.
 */
export async function sweep(session: Queryable, leaseMs: number): Promise<number> {
  const { rowCount } = await session.query(
    `with lost as (
       select d.day, d.id, d.leased_by from delivery d
        where d.state = 'leased' and not exists (
          select 1 from daemon m where m.id = d.leased_by and m.seen_at > now() - $1 * interval '1 ms')
     )
     update delivery d set state = 'pending', leased_by = null, due_at = now()
       from lost
      where d.day = lost.day and d.id = any (array[lost.id]) and d.leased_by = lost.leased_by`,
    [leaseMs],
  );
  return rowCount ?? 0;
}

/** Forgets daemons not heard of for `leaseMs` that hold nothing any more. */
export async function forgetSilent(session: Queryable, leaseMs: number): Promise<void> {
  await session.query(
    `delete from daemon m
      where m.seen_at < now() - $1 * interval '1 ms'
        and not exists (select 1 from delivery d where d.state = 'leased' and d.leased_by = m.id)`,
    [leaseMs],
  );
}

/**
 * Returns to the outbox what daemon `id` has leased and does not know of: the answer to the statement that leased it was
 * lost. None of it was sent, so no attempt is counted. Returns how many came back.
 */
export async function releaseUnknown(db: Queryable, id: number, knownIds: readonly string[]): Promise<number> {
  const { rowCount } = await db.query(
    `update delivery
        set state = 'pending', leased_by = null, due_at = now(), attempt = attempt - 1,
            first_attempt_at = case when attempt > 1 then first_attempt_at end
      where state = 'leased' and leased_by = $1 and id <> all ($2::uuid[])`,
    [id, knownIds],
  );
  return rowCount ?? 0;
}

/** Ends daemon `id`: what it still holds goes back to the outbox, the attempt in hand counted, and it is forgotten. */
export async function retire(session: Queryable, id: number): Promise<void> {
  await session.query(
    `with back as (
       update delivery set state = 'pending', leased_by = null, due_at = now() where state = 'leased' and leased_by = $1
     )
     delete from daemon where id = $1`,
    [id],
  );
}

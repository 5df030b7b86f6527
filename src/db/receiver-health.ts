import type { Queryable } from './pool.js';

/** What one daemon saw of a tenant's URL in a while. */
export interface HealthReport {
  readonly domainId: string;
  readonly url: string;
  /** It took something, or said what is to be done instead. */
  readonly answered: boolean;
  /** How long ago the first failure was that came after that, in milliseconds; null where none did. */
  readonly failingMs: number | null;
  readonly lastFailure: string | null;
}

/** A subscription whose state has changed. */
export interface ChangedSubscription {
  readonly id: string;
  readonly domainId: string;
  readonly domainName: string;
  readonly event: string;
  readonly url: string;
  readonly enabled: boolean;
  readonly disabledReason: string | null;
}

const CHANGED = `e.event_domain_uuid as id, e.domain_uuid as "domainId", e.domain_name as "domainName", e.event_name as event, e.callback_url as url,
  e.enabled, e.disabled_reason as "disabledReason"`;

/**
 * Writes what was seen, only where it says something new. A tenant's URL fails since the first failure after which no daemon
 * saw it answer: one that a daemon reaches and another does not is not failing. By the clock of Postgres. Daemons that report
 * the same URL at once wait for each other; rows are locked in one order.
 */
export async function reportHealth(db: Queryable, reports: readonly HealthReport[]): Promise<void> {
  await db.query(
    `with report as (
       select r.domain_uuid, r.callback_url, p.answered, now() - p.failing_ms * interval '1 ms' as failed_at, p.failure
         from unnest($1::uuid[], $2::text[], $3::boolean[], $4::float8[], $5::text[]) as p (domain_uuid, callback_url, answered, failing_ms, failure)
         join receiver r using (domain_uuid, callback_url)
        order by r.domain_uuid, r.callback_url
          for update of r
     )
     update receiver r
        set failing_since = case when p.answered then p.failed_at else coalesce(r.failing_since, p.failed_at) end,
            last_failure = coalesce(left(p.failure, 200), r.last_failure)
       from report p
      where r.domain_uuid = p.domain_uuid and r.callback_url = p.callback_url
        and (r.failing_since is distinct from case when p.answered then p.failed_at else coalesce(r.failing_since, p.failed_at) end
          or r.last_failure is distinct from coalesce(left(p.failure, 200), r.last_failure))`,
    columns(reports),
  );
}

/**
 * Disables all subscriptions at those of the given tenants' URLs that have failed for `boundMs` or longer, and returns them. Their
 * failing is over with that: a subscription that is enabled again has all its time anew. Of two daemons one disables, and
 * the other gets nothing: a receiver that one has locked the other leaves out.
 */
export async function disableFailing(db: Queryable, urls: readonly Pick<HealthReport, 'domainId' | 'url'>[], boundMs: number): Promise<ChangedSubscription[]> {
  const { rows } = await db.query<ChangedSubscription>(
    `with failing as (
       select r.domain_uuid, r.callback_url, r.failing_since, r.last_failure
         from receiver r
         join unnest($1::uuid[], $2::text[]) as p (domain_uuid, callback_url) using (domain_uuid, callback_url)
        where r.failing_since <= now() - $3 * interval '1 ms'
          for update of r skip locked
     ), over as (
       update receiver r set failing_since = null from failing f where r.domain_uuid = f.domain_uuid and r.callback_url = f.callback_url
     )
     update event_domain e
        set enabled = false,
            disabled_reason = left('nothing but failures since ' || to_char(f.failing_since at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"') || coalesce(': ' || f.last_failure, ''), 200)
       from failing f
      where e.domain_uuid = f.domain_uuid and e.callback_url = f.callback_url and e.enabled
     returning ${CHANGED}`,
    [urls.map(({ domainId }) => domainId), urls.map(({ url }) => url), boundMs],
  );
  return rows;
}

/** Disables one subscription, since its receiver asked for it. False where it is disabled or gone already: of two daemons one did it. */
export async function disableSubscription(db: Queryable, domainId: string, id: string, reason: string): Promise<boolean> {
  const { rowCount } = await db.query(
    `update event_domain set enabled = false, disabled_reason = left($3, 200) where domain_uuid = $1 and event_domain_uuid = $2 and enabled`,
    [domainId, id, reason],
  );
  return rowCount === 1;
}

/** Subscriptions that were disabled or enabled since anybody asked, by whomever. Each change is returned to one daemon only. */
export async function takeChanges(db: Queryable): Promise<ChangedSubscription[]> {
  const { rows } = await db.query<ChangedSubscription>(
    `update event_domain e set told_enabled = enabled where told_enabled <> enabled returning ${CHANGED}`);
  return rows;
}

function columns(reports: readonly HealthReport[]): unknown[] {
  return [
    reports.map(({ domainId }) => domainId), reports.map(({ url }) => url), reports.map(({ answered }) => answered),
    reports.map(({ failingMs }) => failingMs), reports.map(({ lastFailure }) => lastFailure),
  ];
}

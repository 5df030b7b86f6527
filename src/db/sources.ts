import type { PbxDomain, PbxSubscription } from './fusionpbx.js';
import type { Queryable } from './pool.js';
import type { Source } from './tenants.js';
import { isUuid } from './uuid.js';

/** A domain and a subscription of ours, as far as keeping them equal to a source needs them. */
export interface HeldDomain extends PbxDomain { readonly source: Source }
export interface HeldSubscription extends PbxSubscription { readonly source: Source }

/** All that we hold, whoever looks after it. */
export interface Held { domains: HeldDomain[]; subscriptions: HeldSubscription[] }

/** Where a tenant's subscription is looked after; undefined where he has none of this id. */
export async function sourceOfSubscription(db: Queryable, domainId: string, id: string): Promise<Source | undefined> {
  if (!isUuid(domainId) || !isUuid(id)) return undefined;
  const { rows } = await db.query<{ source: Source }>('select source from event_domain where domain_uuid = $1 and event_domain_uuid = $2', [domainId, id]);
  return rows[0]?.source;
}

/** The same for the subscription of this event at this URL. */
export async function sourceOfWish(db: Queryable, domainId: string, event: string, url: string): Promise<Source | undefined> {
  if (!isUuid(domainId)) return undefined;
  const { rows } = await db.query<{ source: Source }>(
    'select source from event_domain where domain_uuid = $1 and event_name = $2 and callback_url = $3', [domainId, event, url]);
  return rows[0]?.source;
}

/**
 * The first word of a transaction that copies from a source: takes the lock of those that do, until its end; false while another
 * process has it. From here on the transaction sees one moment, so what others change meanwhile is in no fingerprint of it, and
 * rows that both change end it with SQLSTATE 40001, to be done again.
 */
export async function lockSources(db: Queryable): Promise<boolean> {
  await db.query('set transaction isolation level repeatable read');
  const { rows } = await db.query<{ taken: boolean }>(`select pg_try_advisory_xact_lock(hashtextextended('hookswitch_sources', 0)) as taken`);
  return rows[0]!.taken;
}

/** All domains and subscriptions, as of the moment that the transaction sees. */
export async function loadHeld(db: Queryable): Promise<Held> {
  const { rows: domains } = await db.query<HeldDomain>('select domain_uuid as id, domain_name as name, enabled, source from domain');
  const { rows: subscriptions } = await db.query<HeldSubscription>(
    `select event_domain_uuid as id, domain_uuid as "domainId", event_name as event, callback_url as url, callback_apikey as "apiKey", source from event_domain`);
  return { domains, subscriptions };
}

/** Differs whenever what a sync depends on has changed here: domains, subscriptions, or how many tokens are valid. */
export async function fingerprintHeld(db: Queryable): Promise<string> {
  const { rows: [row] } = await db.query<{ md5: string }>(
    `select md5(row(
              (select string_agg(md5(row(domain_uuid, domain_name, enabled, source)::text), '' order by domain_uuid) from domain),
              (select string_agg(md5(row(event_domain_uuid, domain_uuid, event_name, callback_url, callback_apikey, source)::text), '' order by event_domain_uuid) from event_domain),
              (select count(*) from api_token where revoked_at is null and (expires_at is null or expires_at > now()))
            )::text) as md5`);
  return row!.md5;
}

/** Removes domains that are gone in their source, save those with subscriptions or valid tokens that were made here. Returns how many. */
export async function deleteBareDomains(db: Queryable, ids: readonly string[]): Promise<number> {
  const { rowCount } = await db.query(
    `delete from domain d where domain_uuid = any ($1) and source = 'fusionpbx'
        and not exists (select from event_domain e where e.domain_uuid = d.domain_uuid and e.source = 'local')
        and not exists (select from api_token t where t.domain_uuid = d.domain_uuid and t.revoked_at is null and (t.expires_at is null or t.expires_at > now()))`,
    [ids],
  );
  return rowCount ?? 0;
}

/** Disables what is left of them: nothing is sent, and their tokens do not work, until they are back. Returns how many were not yet. */
export async function disableDomains(db: Queryable, ids: readonly string[]): Promise<number> {
  const { rowCount } = await db.query(`update domain set enabled = false where domain_uuid = any ($1) and source = 'fusionpbx' and enabled`, [ids]);
  return rowCount ?? 0;
}

/** Frees names that others take over in the same transaction; one that is not named anew in it keeps `gone-` and its uuid. */
export async function vacateNames(db: Queryable, ids: readonly string[]): Promise<void> {
  await db.query(`update domain set domain_name = 'gone-' || domain_uuid where domain_uuid = any ($1) and source = 'fusionpbx'`, [ids]);
}

/** Sets domains of a source to what they are there. */
export async function updateDomains(db: Queryable, domains: readonly PbxDomain[]): Promise<void> {
  await db.query(
    `update domain d set domain_name = s.name, enabled = s.enabled
       from unnest($1::uuid[], $2::text[], $3::boolean[]) as s (id, name, enabled)
      where d.domain_uuid = s.id and d.source = 'fusionpbx'`,
    columns(domains, 'id', 'name', 'enabled'),
  );
}

/** Adds domains of a source. Where a name was added here after the moment seen, SQLSTATE 40001 ends it; the next sync sees it and says so. */
export async function insertDomains(db: Queryable, domains: readonly PbxDomain[]): Promise<void> {
  await db.query(
    `insert into domain (domain_uuid, domain_name, enabled, source)
     select id, name, enabled, 'fusionpbx' from unnest($1::uuid[], $2::text[], $3::boolean[]) as s (id, name, enabled)
     on conflict do nothing`,
    columns(domains, 'id', 'name', 'enabled'),
  );
}

/** Removes subscriptions of a source. */
export async function deleteSourced(db: Queryable, ids: readonly string[]): Promise<void> {
  await db.query(`delete from event_domain where event_domain_uuid = any ($1) and source = 'fusionpbx'`, [ids]);
}

/**
 * Sets subscriptions of a source to what they are there; ids stay, for webhook ids derive from them. In two steps, since two of
 * them may swap their URLs. Nobody but this transaction sees the first.
 */
export async function updateSourced(db: Queryable, subscriptions: readonly PbxSubscription[]): Promise<void> {
  await db.query(
    `update event_domain set callback_url = 'moving:' || event_domain_uuid where event_domain_uuid = any ($1) and source = 'fusionpbx'`,
    [subscriptions.map(({ id }) => id)],
  );
  await db.query(
    `update event_domain e set domain_uuid = s.domain_uuid, domain_name = null, event_name = s.event, callback_url = s.url, callback_apikey = s.key
       from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[]) as s (id, domain_uuid, event, url, key)
      where e.event_domain_uuid = s.id and e.source = 'fusionpbx'`,
    columns(subscriptions, 'id', 'domainId', 'event', 'url', 'apiKey'),
  );
}

/** Adds subscriptions of a source, likewise; one whose domain is not of the source is left out. */
export async function insertSourced(db: Queryable, subscriptions: readonly PbxSubscription[]): Promise<void> {
  await db.query(
    `insert into event_domain (event_domain_uuid, domain_uuid, domain_name, event_name, callback_url, callback_apikey, source)
     select s.id, d.domain_uuid, d.domain_name, s.event, s.url, s.key, 'fusionpbx'
       from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[]) as s (id, domain_uuid, event, url, key)
       join domain d on d.domain_uuid = s.domain_uuid and d.source = 'fusionpbx'
     on conflict do nothing`,
    columns(subscriptions, 'id', 'domainId', 'event', 'url', 'apiKey'),
  );
}

/** Rows as the arrays that `unnest` takes, one for each column. */
function columns<T extends object>(rows: readonly T[], ...names: (keyof T)[]): unknown[] {
  return names.map((name) => rows.map((row) => row[name]));
}

import type { RowName } from '../seal.js';
import type { Queryable } from './pool.js';
import { receiverRow, subscriptionRow } from './sealed-rows.js';

/** One stored value: where its row stands in its table, and the name that it is sealed under. */
export interface StoredValue { readonly place: Place; readonly row: RowName; readonly stored: string }

/** What a value is to be replaced with. */
export interface Replacement { readonly value: StoredValue; readonly sealed: string }

/** The primary key of a row. */
export type Place = readonly [id: string] | readonly [domainId: string, url: string];

/** A column whose values are sealed. All tenants' values: for upkeep, never for a request. */
export interface SealedColumn {
  /** Up to `limit` values that do not begin with `prefix`, in the order of the primary key, after the place given. */
  page(db: Queryable, prefix: string, after: Place | undefined, limit: number): Promise<StoredValue[]>;
  /** Replaces those values that are still what was read, and returns how many those are. Rows are locked in one order, so two of these wait for each other and never both. */
  replace(db: Queryable, replacements: readonly Replacement[]): Promise<number>;
}

/** Every column there is. */
export const SEALED_COLUMNS: readonly SealedColumn[] = [keys(), secrets('secret'), secrets('previous_secret')];

/** `event_domain.callback_apikey`; an empty one hides nothing. */
function keys(): SealedColumn {
  return {
    async page(db, prefix, after, limit) {
      const { rows } = await db.query<{ id: string; domainId: string; event: string; url: string; stored: string }>(
        `select event_domain_uuid as id, domain_uuid as "domainId", event_name as event, callback_url as url, callback_apikey as stored
           from event_domain
          where callback_apikey <> '' and not starts_with(callback_apikey, $1) and ($2::uuid is null or event_domain_uuid > $2)
          order by event_domain_uuid
          limit $3`,
        [prefix, after?.[0] ?? null, limit],
      );
      return rows.map(({ id, domainId, event, url, stored }) => ({ place: [id], row: subscriptionRow(domainId, event, url), stored }));
    },
    async replace(db, replacements) {
      const { rowCount } = await db.query(
        `with read as (
           select * from unnest($1::uuid[], $2::text[], $3::text[]) as r (event_domain_uuid, stored, sealed)
         ), locked as (
           select event_domain_uuid from event_domain where event_domain_uuid = any ($1) order by event_domain_uuid for update
         )
         update event_domain e
            set callback_apikey = read.sealed
           from read join locked using (event_domain_uuid)
          where e.event_domain_uuid = any ($1) and e.event_domain_uuid = read.event_domain_uuid and e.callback_apikey = read.stored`,
        [replacements.map(({ value }) => value.place[0]), ...texts(replacements)],
      );
      return rowCount ?? 0;
    },
  };
}

/** A column of `receiver`. */
function secrets(column: 'secret' | 'previous_secret'): SealedColumn {
  return {
    async page(db, prefix, after, limit) {
      const { rows } = await db.query<{ domainId: string; url: string; stored: string }>(
        `select domain_uuid as "domainId", callback_url as url, ${column} as stored
           from receiver
          where not starts_with(${column}, $1) and ($2::uuid is null or (domain_uuid, callback_url) > ($2, $3::text))
          order by domain_uuid, callback_url
          limit $4`,
        [prefix, after?.[0] ?? null, after?.[1] ?? null, limit],
      );
      return rows.map(({ domainId, url, stored }) => ({ place: [domainId, url], row: receiverRow(domainId, url), stored }));
    },
    async replace(db, replacements) {
      const { rowCount } = await db.query(
        `with read as (
           select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) as r (domain_uuid, callback_url, stored, sealed)
         ), locked as (
           select domain_uuid, callback_url from receiver
            where (domain_uuid, callback_url) in (select domain_uuid, callback_url from read)
            order by domain_uuid, callback_url
              for update
         )
         update receiver r
            set ${column} = read.sealed
           from read join locked using (domain_uuid, callback_url)
          where r.domain_uuid = read.domain_uuid and r.callback_url = read.callback_url and r.${column} = read.stored`,
        [replacements.map(({ value }) => value.place[0]), replacements.map(({ value }) => value.place[1]), ...texts(replacements)],
      );
      return rowCount ?? 0;
    },
  };
}

/** What was read, and what shall stand there. */
function texts(replacements: readonly Replacement[]): [string[], string[]] {
  return [replacements.map(({ value }) => value.stored), replacements.map(({ sealed }) => sealed)];
}

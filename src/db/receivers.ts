import type { Queryable } from './pool.js';
import { isUuid } from './uuid.js';

/** One URL of a tenant. */
export interface ReceiverName { readonly domainId: string; readonly url: string }

/** What signs the webhooks to one URL of a tenant, as stored: sealed where a key is configured. */
export interface StoredSecrets {
  readonly secret: string;
  /** Signs too until `previousUntil`; both null once that has passed. */
  readonly previousSecret: string | null;
  readonly previousUntil: Date | null;
}

const COLUMNS = `secret, case when previous_until > now() then previous_secret end as "previousSecret", case when previous_until > now() then previous_until end as "previousUntil"`;

/** Where a tenant's subscription goes; undefined where he has none of this id. With null for the tenant: whosever it is, for admins only. */
export async function findReceiver(db: Queryable, domainId: string | null, subscriptionId: string): Promise<ReceiverName | undefined> {
  if (!isUuid(subscriptionId)) return undefined;
  const { rows } = await db.query<ReceiverName>(
    `select domain_uuid as "domainId", callback_url as url from event_domain where ($1::uuid is null or domain_uuid = $1) and event_domain_uuid = $2`,
    [domainId, subscriptionId]);
  return rows[0];
}

/**
 * Gives each URL that has none its secret. Of two processes that do so at once one decides, and neither changes a secret that is
 * there; both lock in the same order. A tenant who is being removed is waited for, and left out.
 */
export async function addReceivers(db: Queryable, receivers: readonly (ReceiverName & { secret: string })[]): Promise<void> {
  await db.query(
    `insert into receiver (domain_uuid, callback_url, secret)
     select d.domain_uuid, r.url, r.secret
       from unnest($1::uuid[], $2::text[], $3::text[]) as r (domain_uuid, url, secret)
       join domain d using (domain_uuid)
      order by d.domain_uuid, r.url
        for key share of d
     on conflict (domain_uuid, callback_url) do nothing`,
    [receivers.map(({ domainId }) => domainId), receivers.map(({ url }) => url), receivers.map(({ secret }) => secret)],
  );
}

/** What signs the webhooks to a tenant's URL now; undefined where it has no secret yet. */
export async function findSecrets(db: Queryable, { domainId, url }: ReceiverName): Promise<StoredSecrets | undefined> {
  const { rows } = await db.query<StoredSecrets>(`select ${COLUMNS} from receiver where domain_uuid = $1 and callback_url = $2`, [domainId, url]);
  return rows[0];
}

/**
 * Gives a tenant's URL another secret. The one that it had signs as well for `overlapSeconds`, 0 for not at all. Of two at once
 * each gets a secret that signs: the second makes the first one's the previous one. Undefined where the URL has no secret yet.
 */
export async function rotateSecret(db: Queryable, { domainId, url }: ReceiverName, secret: string, overlapSeconds: number): Promise<StoredSecrets | undefined> {
  const { rows } = await db.query<StoredSecrets>(
    `update receiver
        set secret = $3,
            previous_secret = case when $4 > 0 then secret end,
            previous_until = case when $4 > 0 then now() + $4 * interval '1 second' end
      where domain_uuid = $1 and callback_url = $2
     returning ${COLUMNS}`,
    [domainId, url, secret, overlapSeconds],
  );
  return rows[0];
}

/** Forgets the secrets whose overlap has passed, of all tenants; two at once do no more than one. */
export async function forgetPastSecrets(db: Queryable): Promise<void> {
  await db.query(`update receiver set previous_secret = null, previous_until = null where previous_until < now()`);
}

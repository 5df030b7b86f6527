import type { Domain } from '../subscriptions/directory.js';
import type { Queryable } from './pool.js';
import { isUuid } from './uuid.js';

/** Whose a token is. */
export type TokenScope = { kind: 'admin' } | { kind: 'tenant'; domain: Domain };

/** What a presented token is worth, by the database's clock. */
export type FoundToken = { kind: 'valid'; id: string; scope: TokenScope } | { kind: 'expired' } | { kind: 'revoked' } | { kind: 'unknown' };

export interface NewToken {
  /** SHA-256 of the token, 32 bytes: the token itself is never stored. */
  sha256: Buffer;
  label: string;
  /** null for an admin's. */
  domainId: string | null;
  /** null for one that does not expire. */
  expiresAt: Date | null;
}

/** A token as an operator sees it. */
export interface StoredToken {
  readonly id: string;
  readonly label: string;
  readonly isAdmin: boolean;
  readonly domainId: string | null;
  readonly domainName: string | null;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
}

/** A token with its place in the list: microseconds since 1970, more than a Date holds. */
export interface ListedToken extends StoredToken { readonly createdMicros: number }

const SELECT = `select token_uuid as id, label, is_admin as "isAdmin", domain_uuid as "domainId", d.domain_name as "domainName", t.created_at as "createdAt",
            expires_at as "expiresAt", last_used_at as "lastUsedAt", revoked_at as "revokedAt"`;

/** Stores a token and returns its id. Throws for a tenant that does not exist. */
export async function insertToken(db: Queryable, { sha256, label, domainId, expiresAt }: NewToken): Promise<string> {
  if (domainId !== null && !isUuid(domainId)) throw new Error('A token needs the uuid of its tenant');
  const { rows } = await db.query<{ id: string }>(
    `insert into api_token (token_sha256, label, is_admin, domain_uuid, expires_at) values ($1, $2, $3, $4, $5) returning token_uuid as id`,
    [sha256, label, domainId === null, domainId, expiresAt],
  );
  return rows[0]!.id;
}

/** Looks a token up by its hash; what it may do is the caller's to decide, also for a disabled tenant's. Revoked wins over expired. */
export async function findToken(db: Queryable, sha256: Buffer): Promise<FoundToken> {
  const { rows: [row] } = await db.query<{ id: string; revoked: boolean; expired: boolean; domainId: string | null; domainName: string; enabled: boolean }>(
    `select token_uuid as id, revoked_at is not null as revoked, coalesce(expires_at <= now(), false) as expired,
            d.domain_uuid as "domainId", d.domain_name as "domainName", d.enabled
       from api_token left join domain d using (domain_uuid)
      where token_sha256 = $1`,
    [sha256],
  );
  if (!row) return { kind: 'unknown' };
  if (row.revoked) return { kind: 'revoked' };
  if (row.expired) return { kind: 'expired' };
  const scope: TokenScope = row.domainId === null ? { kind: 'admin' } : { kind: 'tenant', domain: { id: row.domainId, name: row.domainName, enabled: row.enabled } };
  return { kind: 'valid', id: row.id, scope };
}

/** Notes that the token was used, at most once a minute, so that a busy client does not rewrite its row all day. */
export async function touchToken(db: Queryable, id: string): Promise<void> {
  if (!isUuid(id)) return;
  await db.query(
    `update api_token set last_used_at = now() where token_uuid = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')`, [id]);
}

/** All tokens, or one tenant's; newest first. */
export async function listTokens(db: Queryable, domainId?: string): Promise<StoredToken[]> {
  if (domainId !== undefined && !isUuid(domainId)) return [];
  const { rows } = await db.query<StoredToken>(
    `${SELECT}
       from api_token t left join domain d using (domain_uuid)
      where $1::uuid is null or domain_uuid = $1
      order by t.created_at desc, token_uuid`,
    [domainId ?? null],
  );
  return rows;
}

/** All tokens, or one tenant's, newest first: up to `limit`, after the one that ended the page before, be it there still or not. */
export async function listTokenPage(
  db: Queryable, limit: number, { domainId, after }: { domainId?: string; after?: { createdMicros: number; id: string } } = {},
): Promise<ListedToken[]> {
  if ((domainId !== undefined && !isUuid(domainId)) || (after !== undefined && !isUuid(after.id))) return [];
  const { rows } = await db.query<ListedToken>(
    `${SELECT}, (extract(epoch from t.created_at) * 1000000)::bigint as "createdMicros"
       from api_token t left join domain d using (domain_uuid)
      where ($2::uuid is null or domain_uuid = $2)
        and ($3::bigint is null or (t.created_at, token_uuid) < (timestamptz 'epoch' + $3 * interval '1 microsecond', $4::uuid))
      order by t.created_at desc, token_uuid desc
      limit $1`,
    [limit, domainId ?? null, after?.createdMicros ?? null, after?.id ?? null],
  );
  return rows;
}

/** A token by its id, whosever it is. For admins only. */
export async function findTokenById(db: Queryable, id: string): Promise<StoredToken | undefined> {
  if (!isUuid(id)) return undefined;
  const { rows } = await db.query<StoredToken>(`${SELECT} from api_token t left join domain d using (domain_uuid) where token_uuid = $1`, [id]);
  return rows[0];
}

/** Revokes a token for good; false when there is none of this id. A second time changes nothing. */
export async function revokeToken(db: Queryable, id: string): Promise<boolean> {
  if (!isUuid(id)) return false;
  const { rowCount } = await db.query('update api_token set revoked_at = coalesce(revoked_at, now()) where token_uuid = $1', [id]);
  return rowCount === 1;
}

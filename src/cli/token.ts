import { insertToken, listTokens as selectTokens, revokeToken as updateRevoked, type StoredToken } from '../db/tokens.js';
import { hashToken, newToken } from '../http/token.js';
import { table, type Work } from './answer.js';
import { parseExpiry } from './expiry.js';
import { CommandError } from './failure.js';
import { domainName, requireTenant } from './tenant.js';

export interface TokenOptions { domain?: string; admin?: true; label: string; expires?: string }

const LONGEST_LABEL = 200;

/** Makes a token for one tenant, or for all. It is in the answer and nowhere else: only its hash is stored. @throws CommandError `usage`, `not-found`. */
export function createToken({ domain, admin, label, expires }: TokenOptions, now: Date): Work {
  if ((domain === undefined) === (admin === undefined)) throw new CommandError('usage', 'Say whose token it is: --domain <domain>, or --admin for all tenants');
  if (label.length > LONGEST_LABEL) throw new CommandError('usage', `--label must have at most ${LONGEST_LABEL} characters`);
  const expiresAt = expires === undefined ? null : parseExpiry(expires, now);
  if (expiresAt === undefined) throw new CommandError('usage', '--expires must be a number of days, from 1 to 36500, or a date to come such as 2027-12-31');
  const name = domain === undefined ? null : domainName(domain);

  return async (db) => {
    const tenant = name === null ? null : await requireTenant(db, name);
    const token = newToken();
    const id = await insertToken(db, { sha256: hashToken(token), label, domainId: tenant?.id ?? null, expiresAt });
    return {
      json: { token, token_uuid: id, label, is_admin: tenant === null, domain_name: name, expires_at: expiresAt },
      text: `${token}\n\nKeep it now, it is not shown again. Its id is ${id}; it ${expiresAt === null ? 'does not expire' : `expires ${expiresAt.toISOString()}`}.`,
    };
  };
}

/** All tokens, newest first, by what is known of them. */
export function listTokens(): Work {
  return async (db) => {
    const tokens = await selectTokens(db);
    return {
      json: { data: tokens.map(toJson) },
      text: table(['ID', 'FOR', 'LABEL', 'CREATED', 'EXPIRES', 'LAST USED', 'REVOKED'], tokens.map((token) => [
        token.id, token.isAdmin ? 'all (admin)' : token.domainName, token.label, ...[token.createdAt, token.expiresAt, token.lastUsedAt, token.revokedAt].map(instant),
      ]), 'There is no token yet. Make one: hookswitch token create --domain <domain>'),
    };
  };
}

/** Ends a token for good; a second time is no failure. @throws CommandError `not-found`. */
export function revokeToken(id: string): Work {
  return async (db) => {
    if (!await updateRevoked(db, id)) throw new CommandError('not-found', `There is no token ${id}. \`hookswitch token list\` shows their ids.`);
    return { json: { revoked: true, token_uuid: id.toLowerCase() }, text: `Revoked ${id}.` };
  };
}

function toJson({ id, label, isAdmin, domainName, createdAt, expiresAt, lastUsedAt, revokedAt }: StoredToken) {
  return { token_uuid: id, label, is_admin: isAdmin, domain_name: domainName, created_at: createdAt, expires_at: expiresAt, last_used_at: lastUsedAt, revoked_at: revokedAt };
}

function instant(at: Date | null): string | null {
  return at === null ? null : at.toISOString();
}

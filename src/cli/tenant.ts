import type { Queryable } from '../db/pool.js';
import { addDomain, findDomain, listDomains, looksLikeDomain, type StoredDomain } from '../db/tenants.js';
import { table, type Work } from './answer.js';
import { CommandError } from './failure.js';

/** Adds a tenant. One that exists is no failure: the answer says `created: false`. @throws CommandError `usage`. */
export function addTenant(given: string): Work {
  const name = domainName(given);
  return async (db) => {
    const { domain, created } = await addDomain(db, name);
    return {
      json: { created, ...toJson(domain) },
      text: created ? `Added ${name}. A token for it: hookswitch token create --domain ${name}` : `${name} exists already.`,
    };
  };
}

/** All tenants by name. */
export function listTenants(): Work {
  return async (db) => {
    const domains = await listDomains(db);
    return {
      json: { data: domains.map(toJson) },
      text: table(['DOMAIN', 'ENABLED', 'ADDED', 'ID'], domains.map(({ id, name, enabled, createdAt }) => [name, enabled ? 'yes' : 'no', createdAt.toISOString(), id]),
        'There is no tenant yet. Add one: hookswitch tenant add <domain>'),
    };
  };
}

/** The tenant of a name that `domainName` gave. @throws CommandError `not-found`. */
export async function requireTenant(db: Queryable, name: string): Promise<StoredDomain> {
  const domain = await findDomain(db, name);
  if (domain === undefined) throw new CommandError('not-found', `There is no tenant ${name}. Add it: hookswitch tenant add ${name}`);
  return domain;
}

/** A domain as tenants are stored, lower case. @throws CommandError `usage` where it can be none. */
export function domainName(given: string): string {
  const name = given.toLowerCase();
  if (!looksLikeDomain(name)) throw new CommandError('usage', `${JSON.stringify(given)} is no domain; it must look like acme.example or 192.0.2.7`);
  return name;
}

function toJson({ id, name, enabled, createdAt }: StoredDomain) {
  return { domain_uuid: id, domain_name: name, enabled, created_at: createdAt };
}

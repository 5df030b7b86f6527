import type { Domain } from '../subscriptions/directory.js';
import type { Subscription } from '../subscriptions/subscription.js';
import type { Queryable } from './pool.js';

/** The directory's part of the database: tenants, and the enabled subscriptions of enabled tenants. */
export interface DirectoryRows { domains: Domain[]; subscriptions: Subscription[] }

/**
 * Loads the named domains, or all of them. The two statements may see different moments; whatever commits between them
 * has told the directory, which then loads again.
 */
export async function loadDirectory(db: Queryable, domainIds: string[] | null): Promise<DirectoryRows> {
  const domains = await loadDomains(db, domainIds);
  const rows = await loadSubscriptions(db, domainIds);
  return { domains, subscriptions: share(rows, new Map(domains.map((domain) => [domain.id, domain]))) };
}

async function loadDomains(db: Queryable, domainIds: string[] | null): Promise<Domain[]> {
  const { rows } = await db.query<Domain>(
    `select domain_uuid as id, domain_name as name, enabled from domain where $1::uuid[] is null or domain_uuid = any ($1)`, [domainIds]);
  return rows;
}

async function loadSubscriptions(db: Queryable, domainIds: string[] | null): Promise<SubscriptionRow[]> {
  const { rows } = await db.query<SubscriptionRow>(
    `select e.event_domain_uuid as id, e.domain_uuid as "domainId", e.event_name as event, e.callback_url as url, e.callback_apikey as "apiKey",
            e.payload_format as format, e.rate_per_second as "ratePerSecond"
       from event_domain e join domain d using (domain_uuid)
      where e.enabled and d.enabled and ($1::uuid[] is null or e.domain_uuid = any ($1))
      order by e.domain_uuid, e.created_at, e.event_domain_uuid`,
    [domainIds],
  );
  return rows;
}

type SubscriptionRow = Omit<Subscription, 'domainName'>;

/** One string for what many rows repeat: a domain's id and name, event names, and a URL and key used for several events. */
function share(rows: SubscriptionRow[], domains: ReadonlyMap<string, Domain>): Subscription[] {
  const seen = new Map<string, string>();
  const once = (text: string) => {
    const known = seen.get(text);
    if (known === undefined) seen.set(text, text);
    return known ?? text;
  };
  return rows.flatMap(({ domainId, event, url, apiKey, ...rest }) => {
    const domain = domains.get(domainId);
    if (!domain) return []; // added between the two statements
    return { ...rest, domainId: domain.id, domainName: domain.name, event: once(event), url: once(url), apiKey: once(apiKey) };
  });
}

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Domain } from '../subscriptions/directory.js';
import type { Signing, Subscription } from '../subscriptions/subscription.js';
import type { Credentials } from './credentials.js';
import type { Queryable } from './pool.js';
import { addReceivers } from './receivers.js';

/** The directory's part of the database: tenants, and the subscriptions of enabled tenants. */
export interface DirectoryRows { domains: Domain[]; subscriptions: Subscription[] }

/** Domains whose subscriptions are read at once: all rows of a large installation side by side would take as much memory as all else. */
const DOMAINS_AT_ONCE = 1_000;
const SECRETS_AT_ONCE = 1_000;
const OPENED_AT_ONCE = 500;

/**
 * Loads the named domains, or all of them; a URL that has no secret yet gets one. The statements may see different moments;
 * whatever commits between them has told the directory, which then loads again. A subscription that is as it is `known` is that very
 * one: the directory is there twice while it is loaded, and would take twice the memory.
 */
export async function loadDirectory(db: Queryable, domainIds: string[] | null, credentials: Credentials, known: Known): Promise<DirectoryRows> {
  const domains = await loadDomains(db, domainIds);
  const subscriptions: Subscription[] = [];
  for (let at = 0; at < domains.length; at += DOMAINS_AT_ONCE) {
    const some = new Map(domains.slice(at, at + DOMAINS_AT_ONCE).map((domain) => [domain.id, domain]));
    for (const subscription of await share(await loadSigned(db, [...some.keys()], credentials), some, credentials)) subscriptions.push(sameOf(known(subscription.id), subscription));
  }
  return { domains, subscriptions };
}

/** What a subscription of this id was like so far. */
type Known = (id: string) => Subscription | undefined;

/** The known one where it is the same as the one just loaded. */
function sameOf(known: Subscription | undefined, loaded: Subscription): Subscription {
  const fields = Object.keys(loaded) as (keyof Subscription)[];
  const isSame = known !== undefined && fields.every((field) => known[field] === loaded[field] || (field === 'signing' && isSameSigning(known.signing, loaded.signing)));
  return isSame ? known : loaded;
}

function isSameSigning(a: Signing, b: Signing): boolean {
  if (a.kind === 'locked' || b.kind === 'locked') return false; // these few are made anew
  return a.current.equals(b.current) && a.previous?.untilMs === b.previous?.untilMs && (a.previous === undefined || (b.previous !== undefined && a.previous.key.equals(b.previous.key)));
}

async function loadSigned(db: Queryable, domainIds: string[], credentials: Credentials): Promise<SubscriptionRow[]> {
  const rows = await loadSubscriptions(db, domainIds);
  if (!rows.some(isUnsigned)) return rows;
  await giveSecrets(db, rows.filter(isUnsigned), credentials);
  return await loadSubscriptions(db, domainIds);
}

async function loadDomains(db: Queryable, domainIds: string[] | null): Promise<Domain[]> {
  const { rows } = await db.query<Domain>(
    `select domain_uuid as id, domain_name as name, enabled from domain where $1::uuid[] is null or domain_uuid = any ($1)`, [domainIds]);
  return rows;
}

async function loadSubscriptions(db: Queryable, domainIds: string[]): Promise<SubscriptionRow[]> {
  const { rows } = await db.query<SubscriptionRow>(
    `select e.event_domain_uuid as id, e.domain_uuid as "domainId", e.event_name as event, e.callback_url as url, e.callback_apikey as "apiKey",
            e.payload_format as format, e.rate_per_second as "ratePerSecond", e.enabled,
            r.secret, case when r.previous_until > now() then r.previous_secret end as "previousSecret", r.previous_until as "previousUntil"
       from event_domain e join domain d using (domain_uuid)
       left join receiver r on r.domain_uuid = e.domain_uuid and r.callback_url = e.callback_url
      where d.enabled and e.domain_uuid = any ($1::uuid[])
      order by e.domain_uuid, e.created_at, e.event_domain_uuid`,
    [domainIds],
  );
  return rows;
}

type SubscriptionRow = Omit<Subscription, 'domainName' | 'signing'> & { secret: string | null; previousSecret: string | null; previousUntil: Date | null };
type SignedRow = SubscriptionRow & { secret: string };

const isUnsigned = ({ secret }: SubscriptionRow) => secret === null;
const isSigned = (row: SubscriptionRow): row is SignedRow => !isUnsigned(row);

/** Whoever subscribes by plain SQL knows nothing of secrets. */
async function giveSecrets(db: Queryable, rows: readonly SubscriptionRow[], credentials: Credentials): Promise<void> {
  const receivers = [...new Map(rows.map(({ domainId, url }) => [`${domainId} ${url}`, { domainId, url }])).values()];
  for (let at = 0; at < receivers.length; at += SECRETS_AT_ONCE) {
    await addReceivers(db, receivers.slice(at, at + SECRETS_AT_ONCE).map((name) => ({ ...name, secret: credentials.fresh(name) })));
  }
}

/**
 * One string for what many rows repeat: a domain's id and name, event names, formats, a URL and key used for several events; and one record
 * of keys for each URL. To open 100,000 rows takes a second, so others get their turn in between.
 */
async function share(rows: readonly SubscriptionRow[], domains: ReadonlyMap<string, Domain>, credentials: Credentials): Promise<Subscription[]> {
  const seen = new Map<string, string>();
  const once = <T extends string>(text: T): T => {
    const known = seen.get(text) as T | undefined;
    if (known === undefined) seen.set(text, text);
    return known ?? text;
  };
  const signings = new Map<string, Signing>();
  const signingOf = (row: SignedRow) => {
    const receiver = `${row.domainId} ${row.url}`;
    const signing = signings.get(receiver) ?? credentials.signing(row);
    signings.set(receiver, signing);
    return signing;
  };
  const subscriptions: Subscription[] = [];
  for (const [index, row] of rows.entries()) {
    if (index % OPENED_AT_ONCE === OPENED_AT_ONCE - 1) await nextTurn();
    const domain = domains.get(row.domainId);
    if (domain === undefined || !isSigned(row)) continue; // added between two statements
    const { id, event, url, format, ratePerSecond, enabled } = row;
    const apiKey = credentials.apiKey(row);
    const isOpen = typeof apiKey === 'string';
    subscriptions.push({
      id, domainId: domain.id, domainName: domain.name, event: once(event), url: once(url), apiKey: isOpen ? once(apiKey) : '', signing: isOpen ? signingOf(row) : apiKey,
      format: once(format), ratePerSecond, enabled,
    });
  }
  return subscriptions;
}

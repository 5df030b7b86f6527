import type { PbxDomain, PbxRows, PbxSubscription } from '../db/fusionpbx.js';
import type { Held, HeldDomain } from '../db/sources.js';
import { isDomainName, type Source } from '../db/tenants.js';
import { isUuid } from '../db/uuid.js';

/** A row there that cannot be taken, and what to do about it. `id` is its uuid as it stands there. */
export interface Skipped { what: 'domain' | 'subscription'; id: string; reason: string }

/** What is to be done here so that it equals what is there. */
export interface Plan {
  domains: {
    add: PbxDomain[];
    change: PbxDomain[];
    /** No longer there. */
    gone: string[];
    /** Of those that stay here, who has to give up a name that another one has there now. */
    vacate: string[];
  };
  subscriptions: { add: PbxSubscription[]; change: PbxSubscription[]; gone: string[] };
  skipped: Skipped[];
}

/** What a subscription becomes here, or why it cannot be one. */
export type Checked = { kind: 'valid'; event: string; url: string; apiKey: string } | { kind: 'refused'; reason: string };
export type Check = (subscription: PbxSubscription) => Checked;

/**
 * Compares what is there with what is here. What is looked after here wins every conflict and is never in the plan; a row that is
 * bad or in conflict is skipped. A domain that has turned bad stays as it was last good; a subscription that has is ended, for
 * its tenant does not want the old one any more.
 */
export function planSync(there: PbxRows, held: Held, check: Check): Plan {
  const domains = takeDomains(there.domains, held.domains);
  if (there.subscriptions === undefined) return { domains: domainChanges(domains.taken, there, held), subscriptions: { add: [], change: [], gone: [] }, skipped: domains.skipped };
  const thereIds = new Set(there.domains.map(({ id }) => id));
  const homes = new Set([...domains.taken, ...held.domains.filter(({ id, source }) => source === 'fusionpbx' && thereIds.has(id))].map(({ id }) => id));
  const subscriptions = takeSubscriptions(there.subscriptions, held.subscriptions, homes, check);
  return {
    domains: domainChanges(domains.taken, there, held),
    subscriptions: subscriptionChanges(subscriptions.taken, held.subscriptions),
    skipped: [...domains.skipped, ...subscriptions.skipped],
  };
}

/** What can be taken of the rows there, and the rest with its reasons. */
interface Taken<T> { taken: T[]; skipped: Skipped[] }

function takeDomains(there: readonly PbxDomain[], held: readonly HeldDomain[]): Taken<PbxDomain> {
  const localIds = new Set(held.filter(isLocal).map(({ id }) => id));
  const localNames = new Set(held.filter(isLocal).map(({ name }) => name));
  const byName = new Map<string, PbxDomain>();
  const skipped: Skipped[] = [];
  const isNew = firsts();

  function fault(id: string, name: string): string | undefined {
    if (!isUuid(id)) return 'its domain_uuid is no uuid';
    if (!isNew(id)) return 'another row there has this uuid';
    if (!isDomainName(name)) return 'its name is empty, longer than 253 characters, or has blanks or slashes in it';
    if (localIds.has(id)) return 'a domain of this uuid was made here; remove that one, or hand it over: its source in the table domain';
    if (localNames.has(name)) return 'a domain of this name was made here under another uuid; rename or remove that one';
    return byName.has(name) ? 'another domain there has this name' : undefined;
  }

  for (const { id, name: given, enabled } of there) {
    const name = given.toLowerCase();
    const reason = fault(id, name);
    if (reason === undefined) byName.set(name, { id, name, enabled });
    else skipped.push({ what: 'domain', id, reason });
  }
  return { taken: [...byName.values()], skipped };
}

function domainChanges(taken: readonly PbxDomain[], there: PbxRows, held: Held): Plan['domains'] {
  const sourced = new Map(held.domains.filter((domain) => !isLocal(domain)).map((domain) => [domain.id, domain]));
  const wantedBy = new Map(taken.map(({ id, name }) => [name, id]));
  const thereIds = new Set(there.domains.map(({ id }) => id));
  return {
    add: taken.filter(({ id }) => !sourced.has(id)),
    change: taken.filter(({ id, name, enabled }) => { const known = sourced.get(id); return known && (known.name !== name || known.enabled !== enabled); }),
    gone: [...sourced.keys()].filter((id) => !thereIds.has(id)),
    vacate: [...sourced.values()].filter(({ id, name }) => (wantedBy.get(name) ?? id) !== id).map(({ id }) => id),
  };
}

/** `homes` are the domains that a subscription can belong to. */
function takeSubscriptions(there: readonly PbxSubscription[], held: Held['subscriptions'], homes: ReadonlySet<string>, check: Check): Taken<PbxSubscription> {
  const localIds = new Set(held.filter(isLocal).map(({ id }) => id));
  const localWishes = new Set(held.filter(isLocal).map(wishOf));
  const sourced = new Map(held.filter((subscription) => !isLocal(subscription)).map((subscription) => [subscription.id, subscription]));
  const byWish = new Map<string, PbxSubscription>();
  const skipped: Skipped[] = [];
  const isNew = firsts();

  /** What we hold already was judged when it was taken, and is judged again whenever it is sent to. */
  function judge(row: PbxSubscription): Checked {
    const known = sourced.get(row.id);
    const isSame = known !== undefined && known.event === row.event && known.url === row.url && known.apiKey === row.apiKey;
    return isSame ? { kind: 'valid', event: row.event, url: row.url, apiKey: row.apiKey } : check(row);
  }

  function fault({ id, domainId }: PbxSubscription, checked: Checked): string | undefined {
    if (!isUuid(id)) return 'its event_domain_uuid is no uuid';
    if (!isNew(id)) return 'another row there has this uuid';
    if (!homes.has(domainId)) return 'its domain is not there, or was skipped';
    if (checked.kind === 'refused') return checked.reason;
    if (localIds.has(id)) return 'a subscription of this uuid was made here; remove that one';
    const wish = wishOf({ ...checked, domainId });
    if (localWishes.has(wish)) return 'the same was subscribed to here; remove that one';
    return byWish.has(wish) ? 'another row there says the same' : undefined;
  }

  for (const row of there) {
    const checked = judge(row);
    const reason = fault(row, checked);
    if (reason !== undefined) skipped.push({ what: 'subscription', id: row.id, reason });
    else if (checked.kind === 'valid') {
      const { event, url, apiKey } = checked;
      byWish.set(wishOf({ domainId: row.domainId, event, url }), { id: row.id, domainId: row.domainId, event, url, apiKey });
    }
  }
  return { taken: [...byWish.values()], skipped };
}

function subscriptionChanges(taken: readonly PbxSubscription[], held: Held['subscriptions']): Plan['subscriptions'] {
  const sourced = new Map(held.filter((subscription) => !isLocal(subscription)).map((subscription) => [subscription.id, subscription]));
  const takenIds = new Set(taken.map(({ id }) => id));
  return {
    add: taken.filter(({ id }) => !sourced.has(id)),
    change: taken.filter((row) => { const known = sourced.get(row.id); return known && (wishOf(known) !== wishOf(row) || known.apiKey !== row.apiKey); }),
    gone: [...sourced.keys()].filter((id) => !takenIds.has(id)),
  };
}

const isLocal = ({ source }: { source: Source }) => source === 'local';

/** Tells whether an id comes for the first time. */
function firsts(): (id: string) => boolean {
  const seen = new Set<string>();
  return (id) => seen.size < seen.add(id).size;
}

/** Of this there is one at most here. */
function wishOf({ domainId, event, url }: Pick<PbxSubscription, 'domainId' | 'event' | 'url'>): string {
  return `${domainId}\0${event}\0${url}`; // no text of Postgres holds a NUL
}

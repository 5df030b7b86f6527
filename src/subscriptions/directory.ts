import { EXTRA_STATES, NOTICE_STATES } from '../calls/notice.js';
import type { Subscription } from './subscription.js';

/** A tenant, as far as matching needs him. */
export interface Domain {
  /** `domain_uuid`. */
  readonly id: string;
  /** In lower case. */
  readonly name: string;
  /** A disabled tenant's calls are still his, but nothing is sent. */
  readonly enabled: boolean;
}

/** Every tenant and every subscription in memory, so that matching a notice costs no query. Names compare without case. */
export interface Directory {
  /** Whether the name is a tenant's, disabled ones included: their calls must not be taken for somebody else's. */
  isTenant(name: string): boolean;
  /** `domain_uuid` of the tenant of this name, disabled ones included. */
  idOf(name: string): string | undefined;
  /** Who wants this event of this domain, disabled subscriptions included; nobody while the domain is disabled. */
  find(domainName: string, event: string): readonly Subscription[];
  /** By `event_domain_uuid`; undefined also while its domain is disabled. */
  byId(id: string): Subscription | undefined;
  /** Replaces everything at once. Subscriptions of domains not given are left out. */
  replaceAll(domains: readonly Domain[], subscriptions: readonly Subscription[]): void;
  /** Replaces one domain and its subscriptions with what holds now; undefined removes it. */
  replaceDomain(domainId: string, domain: Domain | undefined, subscriptions: readonly Subscription[]): void;
  /** Whether any subscription wants more than the four webhooks of version 1: version 2, or an extra event. */
  asksForMore(): boolean;
  size(): { domains: number; subscriptions: number };
}

/** A tenant has a handful of subscriptions: to look through them costs less than a map of his own. */
interface Entry { readonly domain: Domain; subscriptions: readonly Subscription[] }

const NOBODY: readonly Subscription[] = Object.freeze([]);

/** An empty directory. */
export function createDirectory(): Directory {
  let byDomainId = new Map<string, Entry>();
  let byName = new Map<string, Entry>();
  let bySubscriptionId = new Map<string, Subscription>();
  let demanding = 0;

  function add(domain: Domain): void {
    const entry: Entry = { domain, subscriptions: NOBODY };
    byDomainId.set(domain.id, entry);
    byName.set(normal(domain.name), entry);
  }

  /** Those of one domain come one after the other, as a rule. */
  function addAll(subscriptions: readonly Subscription[]): void {
    for (let from = 0, to = 0; from < subscriptions.length; from = to) {
      const { domainId } = subscriptions[from]!;
      while (subscriptions[to]?.domainId === domainId) to += 1;
      const entry = byDomainId.get(domainId);
      if (entry?.domain.enabled === true) addTo(entry, subscriptions.slice(from, to));
    }
  }

  function addTo(entry: Entry, subscriptions: readonly Subscription[]): void {
    entry.subscriptions = entry.subscriptions.concat(subscriptions);
    for (const subscription of subscriptions) {
      bySubscriptionId.set(subscription.id, subscription);
      if (isDemanding(subscription)) demanding += 1;
    }
  }

  function remove(domainId: string): void {
    const entry = byDomainId.get(domainId);
    if (!entry) return;
    byDomainId.delete(domainId);
    // Unless another domain has taken the name over: two may swap theirs.
    if (byName.get(normal(entry.domain.name)) === entry) byName.delete(normal(entry.domain.name));
    for (const subscription of entry.subscriptions) {
      bySubscriptionId.delete(subscription.id);
      if (isDemanding(subscription)) demanding -= 1;
    }
  }

  return {
    isTenant: (name) => byName.has(normal(name)),
    idOf: (name) => byName.get(normal(name))?.domain.id,
    find: (domainName, event) => byName.get(normal(domainName))?.subscriptions.filter((subscription) => subscription.event === event) ?? NOBODY,
    byId: (id) => bySubscriptionId.get(id),
    replaceAll(domains, subscriptions) {
      byDomainId = new Map();
      byName = new Map();
      bySubscriptionId = new Map();
      demanding = 0;
      domains.forEach(add);
      addAll(subscriptions);
    },
    replaceDomain(domainId, domain, subscriptions) {
      remove(domainId);
      if (domain) add(domain);
      addAll(subscriptions);
    },
    asksForMore: () => demanding > 0,
    size: () => ({ domains: byDomainId.size, subscriptions: bySubscriptionId.size }),
  };
}

/** An event that is not known at all asks for nothing. */
const isDemanding = ({ event, format }: Subscription) => (format === 'v2' ? (NOTICE_STATES as readonly string[]).includes(event) : (EXTRA_STATES as readonly string[]).includes(event));

const normal = (name: string) => name.toLowerCase();

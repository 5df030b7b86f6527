import type { Opened, Vault } from '../seal.js';
import { newSecret } from '../webhook/sign.js';
import type { Queryable } from './pool.js';
import { addReceivers, findReceiver, findSecrets, rotateSecret, type ReceiverName, type StoredSecrets } from './receivers.js';
import { receiverRow, subscriptionRow } from './sealed-rows.js';
import { changeSubscription, findSubscriptionOf, listSubscriptionPage, type Place } from './subscription-change.js';
import { findSubscription, listAllSubscriptions, listSubscriptions, upsertSubscription, type StoredSubscription } from './subscriptions.js';
import { isUuid } from './uuid.js';

/** A subscription with its key opened; null where it cannot be. */
export type OpenSubscription = Omit<StoredSubscription, 'apiKey'> & { readonly apiKey: string | null };

/** What the webhooks to one URL of a tenant are signed with. */
export type Secret =
  /** `previousUntil`: until when the secret before it signs as well; null where none does. */
  | { readonly kind: 'opened'; readonly secret: string; readonly previousUntil: Date | null }
  | Exclude<Opened, { kind: 'opened' }>;

/** What a tenant changes of a subscription; what is not there stays. */
export interface SubscriptionChange {
  readonly url?: string;
  /** '' for none. */
  readonly apiKey?: string;
  readonly enabled?: boolean;
  readonly format?: 'v1' | 'v2';
  /** null: as fast as the receiver answers. */
  readonly ratePerSecond?: number | null;
}

/** What became of a change. `taken`: there is another subscription to the same event at that URL. `locked`: it moves, and its key cannot be opened to move along. */
export type Changed = { kind: 'changed'; subscription: OpenSubscription } | { kind: 'absent' } | { kind: 'taken' } | { kind: 'locked' } | { kind: 'disturbed' };

/** Subscriptions as their owners know them. All that is stored through here is sealed where there is a key. */
export interface SealedSubscriptions {
  /** What one tenant subscribed to, oldest first. */
  list(domainId: string): Promise<OpenSubscription[]>;
  /** Every tenant's, one page at a time: up to `limit`, after the id that ended the page before. */
  listAll(limit: number, after?: string): Promise<OpenSubscription[]>;
  /** Whosever it is. For admins only. */
  find(id: string): Promise<OpenSubscription | undefined>;
  /** A tenant's; with null for the tenant, whosever it is, for admins only. */
  findOf(domainId: string | null, id: string): Promise<OpenSubscription | undefined>;
  /** See `listSubscriptionPage`. */
  page(domainId: string | null, limit: number, after?: Place): Promise<(OpenSubscription & Place)[]>;
  /** Changes a tenant's subscription. Its id stays, and a URL that is new to the tenant gets a secret. */
  change(domainId: string, id: string, change: SubscriptionChange): Promise<Changed>;
  /** Subscribes, or sets the key anew; the URL gets a secret where it has none. Undefined where there is no such tenant. */
  upsert(domainId: string, event: string, url: string, apiKey: string): Promise<{ id: string; created: boolean; secret: Secret } | undefined>;
  /** Where a tenant's subscription goes, whose secret may be shown to him; with null for the tenant, whosever it is. */
  receiverOf(domainId: string | null, id: string): Promise<ReceiverName | undefined>;
  /** The secret of a tenant's URL, made where it has none. Undefined where the tenant is gone. */
  secretOf(receiver: ReceiverName): Promise<Secret | undefined>;
  /** Another secret for a tenant's URL; the one before signs too for `overlapSeconds`. Undefined where the tenant is gone. */
  rotate(receiver: ReceiverName, overlapSeconds: number): Promise<Secret | undefined>;
}

/** See `SealedSubscriptions`. */
export function createSealedSubscriptions(db: Queryable, vault: Vault): SealedSubscriptions {
  const fresh = ({ domainId, url }: ReceiverName) => vault.seal(newSecret(), receiverRow(domainId, url));

  async function secretsOf(receiver: ReceiverName): Promise<StoredSecrets | undefined> {
    const known = await findSecrets(db, receiver);
    if (known !== undefined) return known;
    await addReceivers(db, [{ ...receiver, secret: fresh(receiver) }]);
    return await findSecrets(db, receiver);
  }

  async function secretOf(receiver: ReceiverName): Promise<Secret | undefined> {
    const stored = await secretsOf(receiver);
    return stored && openSecret(vault, receiver, stored);
  }

  return {
    list: async (domainId) => (await listSubscriptions(db, domainId)).map((stored) => openKey(vault, stored)),
    listAll: async (limit, after) => (await listAllSubscriptions(db, limit, after)).map((stored) => openKey(vault, stored)),
    async find(id) {
      const stored = await findSubscription(db, id);
      return stored && openKey(vault, stored);
    },
    async findOf(domainId, id) {
      const stored = await findSubscriptionOf(db, domainId, id);
      return stored && openKey(vault, stored);
    },
    page: async (domainId, limit, after) => (await listSubscriptionPage(db, domainId, limit, after)).map((stored) => ({ ...openKey(vault, stored), createdMicros: stored.createdMicros })),
    async change(domainId, id, { apiKey, ...rest }) {
      for (let tries = 0; tries < MOST_TRIES; tries++) {
        const before = await findSubscriptionOf(db, domainId, id);
        if (before === undefined) return { kind: 'absent' };
        const url = rest.url ?? before.url;
        const key = sealedFor(vault, before, { url, ...(apiKey !== undefined && { apiKey }) });
        if (key === undefined) return { kind: 'locked' };
        await secretsOf({ domainId, url }); // first, so that a daemon that hears of the new URL finds its secret
        const stored = await changeSubscription(db, before, { ...rest, url, apiKey: key });
        if (stored === 'taken') return { kind: 'taken' };
        if (stored !== 'disturbed') return { kind: 'changed', subscription: openKey(vault, stored) };
      }
      return { kind: 'disturbed' };
    },
    async upsert(domainId, event, url, apiKey) {
      if (!isUuid(domainId)) return undefined;
      const secret = await secretOf({ domainId, url }); // first, so that a daemon that hears of the subscription finds its secret
      const stored = await upsertSubscription(db, domainId, event, url, vault.seal(apiKey, subscriptionRow(domainId, event, url)));
      return secret && stored && { ...stored, secret };
    },
    receiverOf: (domainId, id) => findReceiver(db, domainId, id),
    secretOf,
    async rotate(receiver, overlapSeconds) {
      const secret = fresh(receiver);
      await secretsOf(receiver); // one that nobody has yet is made, only to be replaced: a race with the daemon changes nothing
      const stored = await rotateSecret(db, receiver, secret, overlapSeconds);
      return stored && openSecret(vault, receiver, stored);
    },
  };
}

/** How often a change is begun anew where somebody else changes the same subscription between our reading and our writing. */
const MOST_TRIES = 5;

/** The key as it is to be stored: it is sealed for its URL, so one that stays is sealed anew where the URL does not. Undefined where it cannot be opened for that. */
function sealedFor(vault: Vault, { domainId, event, url: urlBefore, apiKey: stored }: StoredSubscription, { url, apiKey }: { url: string; apiKey?: string }): string | undefined {
  if (apiKey !== undefined) return vault.seal(apiKey, subscriptionRow(domainId, event, url));
  if (url === urlBefore) return stored;
  const opened = vault.open(stored, subscriptionRow(domainId, event, urlBefore));
  return opened.kind === 'opened' ? vault.seal(opened.text, subscriptionRow(domainId, event, url)) : undefined;
}

function openKey(vault: Vault, stored: StoredSubscription): OpenSubscription {
  const opened = vault.open(stored.apiKey, subscriptionRow(stored.domainId, stored.event, stored.url));
  return { ...stored, apiKey: opened.kind === 'opened' ? opened.text : null };
}

function openSecret(vault: Vault, { domainId, url }: ReceiverName, { secret, previousUntil }: StoredSecrets): Secret {
  const opened = vault.open(secret, receiverRow(domainId, url));
  return opened.kind === 'opened' ? { kind: 'opened', secret: opened.text, previousUntil } : opened;
}

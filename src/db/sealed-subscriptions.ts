import type { Opened, Vault } from '../seal.js';
import { newSecret } from '../webhook/sign.js';
import type { Queryable } from './pool.js';
import { addReceivers, findReceiver, findSecrets, rotateSecret, type ReceiverName, type StoredSecrets } from './receivers.js';
import { receiverRow, subscriptionRow } from './sealed-rows.js';
import { findSubscription, listAllSubscriptions, listSubscriptions, upsertSubscription, type StoredSubscription } from './subscriptions.js';
import { isUuid } from './uuid.js';

/** A subscription with its key opened; null where it cannot be. */
export type OpenSubscription = Omit<StoredSubscription, 'apiKey'> & { readonly apiKey: string | null };

/** What the webhooks to one URL of a tenant are signed with. */
export type Secret =
  /** `previousUntil`: until when the secret before it signs as well; null where none does. */
  | { readonly kind: 'opened'; readonly secret: string; readonly previousUntil: Date | null }
  | Exclude<Opened, { kind: 'opened' }>;

/** Subscriptions as their owners know them. All that is stored through here is sealed where there is a key. */
export interface SealedSubscriptions {
  /** What one tenant subscribed to, oldest first. */
  list(domainId: string): Promise<OpenSubscription[]>;
  /** Every tenant's, one page at a time: up to `limit`, after the id that ended the page before. */
  listAll(limit: number, after?: string): Promise<OpenSubscription[]>;
  /** Whosever it is. For admins only. */
  find(id: string): Promise<OpenSubscription | undefined>;
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

function openKey(vault: Vault, stored: StoredSubscription): OpenSubscription {
  const opened = vault.open(stored.apiKey, subscriptionRow(stored.domainId, stored.event, stored.url));
  return { ...stored, apiKey: opened.kind === 'opened' ? opened.text : null };
}

function openSecret(vault: Vault, { domainId, url }: ReceiverName, { secret, previousUntil }: StoredSecrets): Secret {
  const opened = vault.open(secret, receiverRow(domainId, url));
  return opened.kind === 'opened' ? { kind: 'opened', secret: opened.text, previousUntil } : opened;
}

import type { Logger } from '../log.js';
import type { Opened, RowName, Vault } from '../seal.js';
import type { Signing } from '../subscriptions/subscription.js';
import { newSecret, SigningKey } from '../webhook/sign.js';
import type { ReceiverName, StoredSecrets } from './receivers.js';
import { receiverRow, subscriptionRow } from './sealed-rows.js';

type Locked = Extract<Signing, { kind: 'locked' }>;

/** What a subscription sends along to prove itself, as stored. */
export interface StoredCredentials extends ReceiverName, StoredSecrets { readonly event: string; readonly apiKey: string }

/** Opens what the directory's rows hold sealed, and says aloud, once for each key, what cannot be opened. */
export class Credentials {
  readonly #vault: Vault;
  readonly #log: Logger;
  readonly #told = new Set<string>();

  constructor({ vault, log }: { vault: Vault; log: Logger }) {
    this.#vault = vault;
    this.#log = log;
  }

  /** A new secret for a tenant's URL, as it is to be stored. */
  fresh({ domainId, url }: ReceiverName): string {
    return this.#vault.seal(newSecret(), receiverRow(domainId, url));
  }

  /** What the webhooks to a tenant's URL are signed with. A previous secret that cannot be opened is done without: the current one is enough. */
  signing({ domainId, url, secret, previousSecret, previousUntil }: ReceiverName & StoredSecrets): Signing {
    const row = receiverRow(domainId, url);
    const current = this.#key(secret, row);
    if (!(current instanceof SigningKey)) return current;
    const previous = previousSecret === null || previousUntil === null ? undefined : this.#key(previousSecret, row);
    return { kind: 'keys', current, ...(previous instanceof SigningKey && { previous: { key: previous, untilMs: previousUntil!.getTime() } }) };
  }

  /** The receiver's own key. */
  apiKey({ domainId, event, url, apiKey }: StoredCredentials): string | Locked {
    const opened = this.#open(apiKey, subscriptionRow(domainId, event, url));
    return opened.kind === 'opened' ? opened.text : opened;
  }

  #key(stored: string, row: RowName): SigningKey | Locked {
    const opened = this.#open(stored, row);
    if (opened.kind === 'locked') return opened;
    return SigningKey.of(opened.text) ?? this.#damaged(row);
  }

  #open(stored: string, row: RowName): Extract<Opened, { kind: 'opened' }> | Locked {
    const opened = this.#vault.open(stored, row);
    switch (opened.kind) {
      case 'opened': return opened;
      case 'damaged': return this.#damaged(row);
      case 'locked':
        this.#once(opened.keyId, 'sealed with a key that is not configured; its subscriptions are not sent to', {
          keyId: opened.keyId, remedy: 'add that key to HOOKSWITCH_ENCRYPTION_KEYS, or rotate the secrets and set the keys anew',
        });
        return { kind: 'locked', reason: `sealed with key ${opened.keyId}, which is not configured` };
    }
  }

  #damaged([table = '', domainId = '']: RowName): Locked {
    this.#once(`${table} ${domainId}`, 'a stored key or secret is damaged; its subscriptions are not sent to', {
      table, domain: domainId, remedy: 'rotate the secret, or set the key anew',
    });
    return { kind: 'locked', reason: 'its stored key or secret is damaged' };
  }

  #once(what: string, message: string, fields: Record<string, string>): void {
    if (this.#told.has(what)) return;
    this.#told.add(what);
    this.#log.error(message, fields);
  }
}

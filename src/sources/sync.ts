import type { PbxLook, PbxSubscription } from '../db/fusionpbx.js';
import { inTransaction, type Pool, type Queryable } from '../db/pool.js';
import { subscriptionRow } from '../db/sealed-rows.js';
import {
  deleteBareDomains, deleteSourced, disableDomains, fingerprintHeld, insertDomains, insertSourced, loadHeld, lockSources, updateDomains, updateSourced, vacateNames,
  type HeldSubscription,
} from '../db/sources.js';
import type { Vault } from '../seal.js';
import { planSync, type Check, type Plan, type Skipped } from './plan.js';

/** How many rows of ours were touched. */
export interface Changes {
  domainsAdded: number; domainsChanged: number; domainsRemoved: number; domainsDisabled: number;
  subscriptionsAdded: number; subscriptionsChanged: number; subscriptionsRemoved: number;
}

/** The fingerprints of both sides after a sync. */
export interface SyncedState { there: string; here: string }

/** What one look at the source led to. */
export type Synced =
  | { kind: 'synced'; changes: Changes; skipped: Skipped[]; state: SyncedState }
  /** Neither side is other than after the sync that `since` is from. */
  | { kind: 'unchanged' }
  /** Another daemon is at it. */
  | { kind: 'busy' }
  /** The source has no domain at all, though we have some of it: a database that is being restored, or the wrong one. */
  | { kind: 'emptied' };

export interface SyncDeps {
  pool: Pool;
  /** Looks at the source, and reads it unless it has that fingerprint. */
  read: (unless?: string) => Promise<PbxLook>;
  check: Check;
  /** What receivers' keys are stored with here. */
  vault: Vault;
}

/**
 * Makes what we hold of the source equal to it, in one transaction. The lock is taken before the source is read, so of two
 * daemons none undoes with an older look what the other did with a newer one.
 */
export async function syncOnce({ pool, read, check, vault }: SyncDeps, since?: SyncedState): Promise<Synced> {
  return await inTransaction(pool, async (db) => {
    if (!await lockSources(db)) return { kind: 'busy' };
    const isSame = since !== undefined && await fingerprintHeld(db) === since.here;
    const look = await read(isSame ? since.there : undefined);
    if (look.kind === 'unchanged') return look;
    const { rows: there, fingerprint } = look;
    const held = await loadHeld(db);
    if (there.domains.length === 0 && held.domains.some(({ source }) => source === 'fusionpbx')) return { kind: 'emptied' };
    const plan = planSync(there, { ...held, subscriptions: held.subscriptions.map((subscription) => opened(vault, subscription)) }, check);
    const changes = await apply(db, plan, vault);
    return { kind: 'synced', changes, skipped: plan.skipped, state: { there: fingerprint, here: await fingerprintHeld(db) } };
  });
}

/** Room is made before it is taken, and domains are there before their subscriptions. What changes nothing is not asked for: it would tell every daemon. */
async function apply(db: Queryable, { domains, subscriptions }: Plan, vault: Vault): Promise<Changes> {
  const some = async <T, R>(rows: readonly T[], work: (db: Queryable, rows: readonly T[]) => Promise<R>) => (rows.length > 0 ? await work(db, rows) : undefined);
  await some(subscriptions.gone, deleteSourced);
  const domainsRemoved = await some(domains.gone, deleteBareDomains) ?? 0;
  const domainsDisabled = await some(domains.gone, disableDomains) ?? 0;
  await some(domains.vacate, vacateNames);
  await some(domains.change, updateDomains);
  await some(domains.add, insertDomains);
  await some(subscriptions.change.map((subscription) => sealed(vault, subscription)), updateSourced);
  await some(subscriptions.add.map((subscription) => sealed(vault, subscription)), insertSourced);
  return {
    domainsAdded: domains.add.length, domainsChanged: domains.change.length, domainsRemoved, domainsDisabled,
    subscriptionsAdded: subscriptions.add.length, subscriptionsChanged: subscriptions.change.length, subscriptionsRemoved: subscriptions.gone.length,
  };
}

/** No text of Postgres holds it. */
const UNREADABLE = '\0';

/** With the key as it is there. One that cannot be opened equals none there, so it is stored anew. */
function opened(vault: Vault, subscription: HeldSubscription): HeldSubscription {
  const { domainId, event, url, apiKey } = subscription;
  const key = vault.open(apiKey, subscriptionRow(domainId, event, url));
  return { ...subscription, apiKey: key.kind === 'opened' ? key.text : UNREADABLE };
}

/** With the key as it is stored here. */
function sealed(vault: Vault, subscription: PbxSubscription): PbxSubscription {
  const { domainId, event, url, apiKey } = subscription;
  return { ...subscription, apiKey: vault.seal(apiKey, subscriptionRow(domainId, event, url)) };
}

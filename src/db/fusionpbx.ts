import pg from 'pg';
import { aborted } from '../clock.js';
import { codeOf, connectionOptions } from './pool.js';

/** A domain of FusionPBX (`v_domains`), as it stands there. */
export interface PbxDomain { readonly id: string; readonly name: string; readonly enabled: boolean }

/** A tenant's subscription there (`v_event_domain`), unchecked. */
export interface PbxSubscription { readonly id: string; readonly domainId: string; readonly event: string; readonly url: string; readonly apiKey: string }

/** Both tables at one moment. `subscriptions` is undefined where they are not asked for, or there is no such table. */
export interface PbxRows { domains: PbxDomain[]; subscriptions: PbxSubscription[] | undefined }

/** What a look at it finds: `fingerprint` differs whenever the rows do. */
export type PbxLook = { kind: 'unchanged' } | { kind: 'rows'; rows: PbxRows; fingerprint: string };

/** The database of FusionPBX cannot be read: it is away, refuses us, or its tables are not what we know. `cause` has the error of pg. */
export class FusionPbxAway extends Error {}

const ANSWER_MS = 20_000;

/**
 * Reads the domains and, where asked to, the subscriptions, over a connection of its own that can only read; nothing is read
 * where they still have the fingerprint `unless`, so that a look at large tables without news costs this process nothing.
 * Rejects with `FusionPbxAway`, also when `signal` aborts.
 */
export async function readFusionPbx(
  url: string, { subscriptions, unless }: { subscriptions: boolean; unless?: string | undefined }, signal: AbortSignal,
): Promise<PbxLook> {
  const client = new pg.Client({ ...connectionOptions(url), query_timeout: ANSWER_MS });
  client.on('error', () => {}); // what breaks meanwhile rejects the query in hand
  const leave = () => { client.end().catch(() => {}); }; // never connected, or gone already
  signal.addEventListener('abort', leave, { once: true });
  try {
    await Promise.race([client.connect(), aborted(signal)]);
    signal.throwIfAborted();
    // As statements and not as start parameters, which a pooler in between may refuse.
    await client.query(`set default_transaction_read_only = on`);
    await client.query(`set statement_timeout = ${ANSWER_MS}`);
    await client.query('begin transaction isolation level repeatable read read only');
    const hasSubscriptions = subscriptions && await hasSubscriptionTable(client);
    const fingerprint = await fingerprintOf(client, hasSubscriptions);
    if (fingerprint === unless) return { kind: 'unchanged' };
    return { kind: 'rows', fingerprint, rows: { domains: await selectDomains(client), subscriptions: hasSubscriptions ? await selectSubscriptions(client) : undefined } };
  } catch (error) {
    throw new FusionPbxAway(`The FusionPBX database cannot be read: ${codeOf(error)}`, { cause: error });
  } finally {
    signal.removeEventListener('abort', leave);
    leave(); // and not waited for: it takes long where the network is gone
  }
}

async function hasSubscriptionTable(client: pg.Client): Promise<boolean> {
  const { rows: [table] } = await client.query<{ found: boolean }>(`select to_regclass('v_event_domain') is not null as found`);
  return table!.found;
}

async function fingerprintOf(client: pg.Client, hasSubscriptions: boolean): Promise<string> {
  const { rows: [domains] } = await client.query<{ md5: string }>(
    `select coalesce(md5(string_agg(md5(row(domain_uuid, domain_name, domain_enabled)::text), '' order by domain_uuid)), '') as md5 from v_domains`);
  if (!hasSubscriptions) return domains!.md5;
  const { rows: [subscriptions] } = await client.query<{ md5: string }>(
    `select coalesce(md5(string_agg(digest, '' order by digest)), '') as md5
       from (select md5(row(event_domain_uuid, domain_uuid, event_name, callback_url, callback_apikey)::text) as digest from v_event_domain) as rows`);
  return `${domains!.md5} ${subscriptions!.md5}`;
}

/** `domain_enabled` is a boolean in FusionPBX 5.4, and was the text 'true' or 'false' before. */
async function selectDomains(client: pg.Client): Promise<PbxDomain[]> {
  const { rows } = await client.query<PbxDomain>(
    `select lower(domain_uuid::text) as id, coalesce(domain_name, '') as name, coalesce(lower(domain_enabled::text) in ('true', 't', '1'), false) as enabled
       from v_domains order by domain_uuid`);
  return rows;
}

async function selectSubscriptions(client: pg.Client): Promise<PbxSubscription[]> {
  const { rows } = await client.query<PbxSubscription>(
    `select lower(event_domain_uuid::text) as id, coalesce(lower(domain_uuid::text), '') as "domainId", coalesce(event_name, '') as event,
            coalesce(callback_url, '') as url, coalesce(callback_apikey, '') as "apiKey"
       from v_event_domain order by event_domain_uuid`);
  return rows;
}

import { NOTICE_STATES } from '../calls/notice.js';
import { systemClock } from '../clock.js';
import type { Config } from '../config.js';
import { createSealedSubscriptions, type OpenSubscription, type SealedSubscriptions } from '../db/sealed-subscriptions.js';
import { deleteSubscription, findSubscription } from '../db/subscriptions.js';
import { LONGEST_OVERLAP_SECONDS, OVERLAP_SECONDS, whyLocked } from '../http/secrets.js';
import { parseSubscription } from '../http/subscription-request.js';
import { vaultOf } from '../seal.js';
import { createConfiguredPolicy } from '../webhook/destinations.js';
import { createResolver } from '../webhook/lookup.js';
import { table, type Work } from './answer.js';
import { CommandError } from './failure.js';
import { domainName, requireTenant } from './tenant.js';

export interface SubscriptionOptions { domain: string; event: string; url: string; key: string }

/** `overlap`: seconds. */
export interface SecretOptions { rotate?: true; overlap?: string }

const PAGE = 1_000;
const OPTION_OF: Readonly<Record<string, string>> = { event: '--event', callback_url: '--url', callback_apikey: '--key', domain: '--domain' };

/** Subscribes a tenant by the rules of the API; again for the same event and URL it sets the key anew. @throws CommandError `usage`, `not-found`. */
export function addSubscription(options: SubscriptionOptions, config: Config): Work {
  const domain = domainName(options.domain);
  const body = { domain, event: options.event, callback_url: options.url, callback_apikey: options.key };
  const policy = createConfiguredPolicy(config, config.database.url, { resolve: createResolver(), nowMs: () => systemClock.monotonicMs() });
  const parsed = parseSubscription(body, policy, { asAdmin: true });
  if (parsed.kind === 'invalid') throw new CommandError('usage', parsed.errors.map(({ field, message }) => `${OPTION_OF[field] ?? field}: ${message}`).join('\n'));
  const { event, url, apiKey } = parsed.request;
  const known = (NOTICE_STATES as readonly string[]).includes(event);
  const warning = `Event ${JSON.stringify(event)} is not known and will not be delivered; known are ${NOTICE_STATES.join(', ')}.`;

  return async (db) => {
    const tenant = await requireTenant(db, domain);
    const stored = await createSealedSubscriptions(db, vaultOf(config.encryption.keys)).upsert(tenant.id, event, url, apiKey);
    if (stored === undefined) throw new CommandError('not-found', `The tenant ${domain} has just been removed`);
    const { id, secret } = stored;
    const signed = `What its webhooks are signed with: hookswitch subscription secret ${id}`;
    const text = `${stored.created ? 'Subscribed' : 'Subscribed before; the key is set anew'}. Its id is ${id}.\n${signed}`;
    return {
      json: { created: true, event_domain_uuid: id, ...(secret.kind === 'opened' && { secret: secret.secret }), ...(!known && { warning }) },
      text: known ? text : `${text}\nWarning: ${warning}`,
    };
  };
}

/** One tenant's subscriptions, or all. The text says only whether there is a key. @throws CommandError `usage`, `not-found`. */
export function listSubscriptions(domain: string | undefined, { encryption }: Config): Work {
  const name = domain === undefined ? undefined : domainName(domain);
  return async (db) => {
    const stored = createSealedSubscriptions(db, vaultOf(encryption.keys));
    const subscriptions = name === undefined ? await everySubscription(stored) : await stored.list((await requireTenant(db, name)).id);
    return {
      json: { data: subscriptions.map(toJson) },
      text: table(['ID', 'DOMAIN', 'EVENT', 'URL', 'KEY'], subscriptions.map(({ id, domainName: of, event, url, apiKey }) => [id, of, event, url, apiKey === null ? 'sealed' : apiKey === '' ? 'no' : 'yes']),
        'There is no subscription. Add one: hookswitch subscription add --domain <domain> --event <event> --url <url>'),
    };
  };
}

/** Ends a subscription, whosever it is. @throws CommandError `not-found`. */
export function removeSubscription(id: string): Work {
  return async (db) => {
    const found = await findSubscription(db, id);
    if (found === undefined || !await deleteSubscription(db, found.domainId, found.id)) {
      throw noSuchSubscription(id);
    }
    return { json: { deleted: true, event_domain_uuid: found.id }, text: `Removed ${found.event} of ${found.domainName} to ${found.url}.` };
  };
}

/**
 * Shows what a subscription's webhooks are signed with, whosever it is, or gives its URL another secret. @throws CommandError `usage`;
 * `not-found`; `failure` where it cannot be opened.
 */
export function subscriptionSecret(id: string, { rotate, overlap }: SecretOptions, { encryption }: Config): Work {
  if (overlap !== undefined && rotate === undefined) throw new CommandError('usage', '--overlap goes with --rotate');
  const overlapSeconds = Number(overlap ?? OVERLAP_SECONDS);
  if (!/^\d+$/.test(overlap ?? '0') || overlapSeconds > LONGEST_OVERLAP_SECONDS) throw new CommandError('usage', `--overlap must be a number of seconds, from 0 to ${LONGEST_OVERLAP_SECONDS}`);
  return async (db) => {
    const subscriptions = createSealedSubscriptions(db, vaultOf(encryption.keys));
    const receiver = await subscriptions.receiverOf(null, id);
    const secret = receiver && (rotate ? await subscriptions.rotate(receiver, overlapSeconds) : await subscriptions.secretOf(receiver));
    if (secret === undefined) throw noSuchSubscription(id);
    if (secret.kind !== 'opened') throw new CommandError('failure', whyLocked(secret));
    const until = secret.previousUntil?.toISOString() ?? null;
    return {
      json: { secret: secret.secret, previous_valid_until: until },
      text: until === null ? secret.secret : `${secret.secret}\nThe secret before signs too, until ${until}.`,
    };
  };
}

function noSuchSubscription(id: string): CommandError {
  return new CommandError('not-found', `There is no subscription ${id}. \`hookswitch subscription list\` shows their ids.`);
}

async function everySubscription(stored: SealedSubscriptions): Promise<OpenSubscription[]> {
  const all: OpenSubscription[] = [];
  for (;;) {
    const page = await stored.listAll(PAGE, all.at(-1)?.id);
    all.push(...page);
    if (page.length < PAGE) return all;
  }
}

/** The six fields of the API, in its order. */
function toJson({ id, domainId, domainName, event, url, apiKey }: OpenSubscription) {
  return { event_domain_uuid: id, domain_uuid: domainId, domain_name: domainName, event_name: event, callback_url: url, callback_apikey: apiKey };
}

import { NOTICE_STATES } from '../calls/notice.js';
import type { Config } from '../config.js';
import type { Queryable } from '../db/pool.js';
import { deleteSubscription, findSubscription, listAllSubscriptions, listSubscriptions as selectSubscriptions, upsertSubscription, type StoredSubscription } from '../db/subscriptions.js';
import { parseSubscription } from '../http/subscription-request.js';
import { createAddressPolicy } from '../webhook/address.js';
import { table, type Work } from './answer.js';
import { CommandError } from './failure.js';
import { domainName, requireTenant } from './tenant.js';

export interface SubscriptionOptions { domain: string; event: string; url: string; key: string }

const PAGE = 1_000;
const OPTION_OF: Readonly<Record<string, string>> = { event: '--event', callback_url: '--url', callback_apikey: '--key', domain: '--domain' };

/** Subscribes a tenant by the rules of the API; again for the same event and URL it sets the key anew. @throws CommandError `usage`, `not-found`. */
export function addSubscription(options: SubscriptionOptions, { delivery }: Config): Work {
  const domain = domainName(options.domain);
  const body = { domain, event: options.event, callback_url: options.url, callback_apikey: options.key };
  const parsed = parseSubscription(body, createAddressPolicy({ allow: delivery.allowAddresses }), { asAdmin: true });
  if (parsed.kind === 'invalid') throw new CommandError('usage', parsed.errors.map(({ field, message }) => `${OPTION_OF[field] ?? field}: ${message}`).join('\n'));
  const { event, url, apiKey } = parsed.request;
  const known = (NOTICE_STATES as readonly string[]).includes(event);
  const warning = `Event ${JSON.stringify(event)} is not known and will not be delivered; known are ${NOTICE_STATES.join(', ')}.`;

  return async (db) => {
    const tenant = await requireTenant(db, domain);
    const stored = await upsertSubscription(db, tenant.id, event, url, apiKey);
    if (stored === undefined) throw new CommandError('not-found', `The tenant ${domain} has just been removed`);
    const text = `${stored.created ? 'Subscribed' : 'Subscribed before; the key is set anew'}. Its id is ${stored.id}.`;
    return {
      json: { created: true, event_domain_uuid: stored.id, ...(!known && { warning }) },
      text: known ? text : `${text}\nWarning: ${warning}`,
    };
  };
}

/** One tenant's subscriptions, or all. The text says only whether there is a key. @throws CommandError `usage`, `not-found`. */
export function listSubscriptions(domain: string | undefined): Work {
  const name = domain === undefined ? undefined : domainName(domain);
  return async (db) => {
    const subscriptions = name === undefined ? await everySubscription(db) : await selectSubscriptions(db, (await requireTenant(db, name)).id);
    return {
      json: { data: subscriptions.map(toJson) },
      text: table(['ID', 'DOMAIN', 'EVENT', 'URL', 'KEY'], subscriptions.map(({ id, domainName: of, event, url, apiKey }) => [id, of, event, url, apiKey === '' ? 'no' : 'yes']),
        'There is no subscription. Add one: hookswitch subscription add --domain <domain> --event <event> --url <url>'),
    };
  };
}

/** Ends a subscription, whosever it is. @throws CommandError `not-found`. */
export function removeSubscription(id: string): Work {
  return async (db) => {
    const found = await findSubscription(db, id);
    if (found === undefined || !await deleteSubscription(db, found.domainId, found.id)) {
      throw new CommandError('not-found', `There is no subscription ${id}. \`hookswitch subscription list\` shows their ids.`);
    }
    return { json: { deleted: true, event_domain_uuid: found.id }, text: `Removed ${found.event} of ${found.domainName} to ${found.url}.` };
  };
}

async function everySubscription(db: Queryable): Promise<StoredSubscription[]> {
  const all: StoredSubscription[] = [];
  for (;;) {
    const page = await listAllSubscriptions(db, PAGE, all.at(-1)?.id);
    all.push(...page);
    if (page.length < PAGE) return all;
  }
}

/** The six fields of the API, in its order. */
function toJson({ id, domainId, domainName, event, url, apiKey }: StoredSubscription) {
  return { event_domain_uuid: id, domain_uuid: domainId, domain_name: domainName, event_name: event, callback_url: url, callback_apikey: apiKey };
}

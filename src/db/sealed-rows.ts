import type { RowName } from '../seal.js';

/** The name under which a subscription's key is sealed: what is unique in its row and known before it is there. So a key goes to the URL that it was given for, and nowhere else. */
export function subscriptionRow(domainId: string, event: string, url: string): RowName {
  return ['event_domain', domainId.toLowerCase(), event, url];
}

/** The name under which the secrets of a tenant's URL are sealed. One name for both: the current one becomes the previous one as it is. */
export function receiverRow(domainId: string, url: string): RowName {
  return ['receiver', domainId.toLowerCase(), url];
}

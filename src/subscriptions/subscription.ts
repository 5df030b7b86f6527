import type { SigningKeys } from '../webhook/sign.js';

/** What proves that a webhook is ours: the keys that sign it; or why there are none now, and nothing may be sent. */
export type Signing = ({ readonly kind: 'keys' } & SigningKeys) | { readonly kind: 'locked'; readonly reason: string };

/** One tenant's wish to be told of one event at one URL. */
export interface Subscription {
  /** `event_domain_uuid`. */
  readonly id: string;
  readonly domainId: string;
  readonly domainName: string;
  /** Event name as the tenant gave it; one that we do not know is kept and never matches. */
  readonly event: string;
  readonly url: string;
  /** Sent as the receiver's key; '' for none, and where it cannot be opened: then `signing` is locked. */
  readonly apiKey: string;
  /** One record for all of a tenant's subscriptions at one URL. */
  readonly signing: Signing;
  /** The shape of the body. */
  readonly format: 'v1' | 'v2';
  /** POSTs a second at most; null: as fast as the receiver answers. */
  readonly ratePerSecond: number | null;
  /** False: nothing is sent, and what comes for it is kept for its time to live. */
  readonly enabled: boolean;
}

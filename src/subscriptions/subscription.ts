/** One tenant's wish to be told of one event at one URL. */
export interface Subscription {
  /** `event_domain_uuid`. */
  readonly id: string;
  readonly domainId: string;
  readonly domainName: string;
  /** Event name as the tenant gave it; one that we do not know is kept and never matches. */
  readonly event: string;
  readonly url: string;
  /** Sent as the receiver's key; '' for none. */
  readonly apiKey: string;
  /** How the body is written; absent: v1. */
  readonly format?: 'v1' | 'v2';
}

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
  /** The shape of the body. */
  readonly format: 'v1' | 'v2';
  /** POSTs a second at most; null: as fast as the receiver answers. */
  readonly ratePerSecond: number | null;
}

/** What a line of the stream tells of: what the switch said, what happened to a call, or one try to tell a tenant of it. */
export const LINE_KINDS = ['event', 'notice', 'delivery'] as const;

export type LineKind = (typeof LINE_KINDS)[number];

/** One line of the live stream, with what it can be found by. */
export interface LiveLine {
  readonly kind: LineKind;
  /** Whose it is; undefined where that is not known, and then it is for admins alone. */
  readonly domainId: string | undefined;
  /** The domain that it names, '' for none. */
  readonly domain: string;
  /** Ids of the call, its flow and its legs, and the SIP Call-ID, as far as this line knows them. */
  readonly ids: readonly string[];
  /** Everyone's number, as it stands in the call. */
  readonly numbers: readonly string[];
  /** As it is sent. */
  readonly data: Readonly<Record<string, string | number | null>>;
}

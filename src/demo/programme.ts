/** One recorded call in the demo. */
export interface Item {
  /** Of the recording, in test/fixtures/calls. */
  readonly recording: string;
  /** When it begins, from the beginning of the demo. */
  readonly atMs: number;
  /** What kind of call it is, for someone who has never heard of a leg. */
  readonly says: string;
}

/** What a PBX does in a day, in forty seconds; some calls overlap, as they do in life. */
export const PROGRAMME: readonly Item[] = [
  { atMs: 0, recording: '01-outbound-caller-hangup', says: 'Outbound: extension 1001 of tenant a calls a mobile phone, which answers' },
  { atMs: 5_500, recording: '03-outbound-busy', says: 'Outbound: extension 1001 calls a number that is busy' },
  { atMs: 7_500, recording: '06-inbound-ext-answered', says: "Inbound: a customer calls tenant a's hotline, extension 1001 answers" },
  { atMs: 13_000, recording: '09-ringgroup-simultaneous', says: 'Ring group: a customer calls, three extensions ring at once, 1002 is the first to answer' },
  { atMs: 17_500, recording: '16-click2call-bridge', says: 'Click to call: the CRM rings extension 1001 first, then its customer' },
  { atMs: 21_500, recording: '12-callcenter-queue', says: 'Queue: a customer waits, agent 1003 does not answer, agent 1004 does' },
  { atMs: 26_000, recording: '13-blind-transfer-refer', says: 'Transfer: a customer reaches extension 1001, who passes the call on to 1002' },
  { atMs: 35_000, recording: '25-two-tenants-at-once', says: 'Two tenants: customers call the hotlines of tenant a and tenant b in the same moment' },
];

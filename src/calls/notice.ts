import type { Detail } from './detail.js';

/** The four things that a tenant is told about a call. */
export type CallState = 'ringing' | 'answered' | 'hangup' | 'cdr';

export const CALL_STATES: readonly CallState[] = ['ringing', 'answered', 'hangup', 'cdr'];

/** What is told besides to those who ask for it, and computed for nobody else: a call that no extension took; a recording that is ready. */
export type ExtraState = 'missed' | 'recording';

export const EXTRA_STATES: readonly ExtraState[] = ['missed', 'recording'];

/** Everything that can be subscribed to. */
export type NoticeState = CallState | ExtraState;

/** All of `NoticeState`, the four of the contract first. */
export const NOTICE_STATES: readonly NoticeState[] = [...CALL_STATES, ...EXTRA_STATES];

/** The body of a webhook in the tenants' contract, version 1: fields in this order, no others, never null. The extra events have its fields and one more. */
export interface Payload {
  application: string;
  call_id: string;
  sip_call_id: string;
  domain: string;
  direction: 'inbound' | 'outbound' | 'local';
  from_number: string;
  to_number: string;
  hotline: string;
  time_started: string;
  time_answered: string;
  time_ended: string;
  state: NoticeState;
  /** Whole seconds; `hangup` only. */
  duration?: number;
  /** Whole seconds; `hangup` only. */
  billsec?: number;
  /** `cdr` and `recording`. */
  recording_url?: string;
  /** `cdr`, `missed` and `recording`; '' in a `recording` while the call is up and nobody has answered. */
  status?: CallStatus | '';
  /** `missed` only. */
  missed_reason?: MissedReason;
  /** Whole seconds; `recording` only, and absent where the switch did not say. */
  recording_seconds?: number;
}

export type CallStatus = 'answered' | 'busy' | 'no-answered' | 'cancel' | 'not-available' | 'invalid';

/** Why nobody took a call that rang in: where it ended, or else how the last one that was rung did. */
export type MissedReason = 'abandoned' | 'busy' | 'ivr' | 'no-answer' | 'queue-timeout' | 'unavailable' | 'voicemail';

/**
 * Why a notice was not told by the switch: the leg was gone after a time without a link (`reconciled`), the switch has started
 * anew (`switch_restart`), or its events were lost although the link was up (`lost`).
 */
export type Synthetic = 'reconciled' | 'switch_restart' | 'lost';

/** What happened to a call, in the tenants' words. */
export interface Notice {
  readonly switchName: string;
  readonly flowId: string;
  /** The leg whose event told it; the root for an outbound `hangup` and for every `cdr`. */
  readonly legId: string;
  /**
   * What the notice is about, the same for every daemon that sees the call: the leg where each leg has its own set of
   * webhooks (inbound, local), of a `recording` its file, else the flow. With flow, state and subscription it makes the webhook's id.
   */
  readonly subjectId: string;
  readonly state: NoticeState;
  readonly domain: string;
  /** When the flow began, as it was known at its first notice: the same for all notices of the flow. Microseconds since 1970. */
  readonly flowStartedUs: number;
  /** Counts the notices of a flow from 1, in the order in which they happened. */
  readonly position: number;
  /** When it happened at the switch, microseconds since 1970. */
  readonly occurredAtUs: number;
  /** When the event that released it was read, on `Clock.monotonicMs`. */
  readonly receivedAtMs: number;
  readonly payload: Payload;
  /** Only where somebody asks for version 2. */
  readonly detail?: Detail;
  /** Set where the end of a leg was concluded and not told; what it says is made from what is known. */
  readonly synthetic?: Synthetic;
}

/** What the API answers, as far as the page reads it; see the OpenAPI document. Moments are RFC 3339. */
export interface Page<T> { readonly data: readonly T[]; readonly next_cursor?: string | null }

export interface Subscription {
  readonly event_domain_uuid: string;
  readonly domain_name: string;
  readonly event_name: string;
  readonly callback_url: string;
  readonly callback_apikey: string | null;
  readonly enabled: boolean;
  readonly format: 'v1' | 'v2';
  readonly rate_per_second: number | null;
  readonly disabled_reason: string | null;
  readonly disabled_at: string | null;
  readonly created_at: string;
}

export type DeliveryState = 'pending' | 'leased' | 'held' | 'delivered' | 'abandoned' | 'expired';

export interface Delivery {
  readonly delivery_id: string;
  readonly event: string;
  readonly state: DeliveryState;
  readonly call_id: string;
  readonly flow_id: string;
  readonly callback_url: string;
  readonly last_status: number | null;
  readonly last_reason: string | null;
  readonly from_number: string;
  readonly to_number: string;
  readonly occurred_at: string;
  readonly created_at: string;
  readonly due_at?: string;
  readonly settled_at?: string;
  readonly synthetic?: string;
  readonly attempts: number;
}

export interface Attempt { readonly number: number; readonly started_at: string; readonly outcome: string; readonly status: number | null; readonly reason: string | null; readonly total_ms?: number }

export type DeliveryOfCall = Omit<Delivery, 'attempts'> & { readonly attempts: readonly Attempt[] };

export interface Call { readonly flow_id: string; readonly from_number: string; readonly to_number: string; readonly deliveries: readonly DeliveryOfCall[] }

export interface DetailedDelivery extends Omit<Delivery, 'attempts'> {
  readonly payload: object;
  readonly attempts: readonly (Attempt & { readonly timing: Readonly<Record<string, number>>; readonly response: string | null })[];
}

export interface Replay { readonly replay_id: string; readonly state: 'running' | 'finished'; readonly matched: number | null; readonly replayed: number }

export interface SwitchNow {
  readonly name: string;
  readonly up: boolean;
  readonly up_since: string | null;
  readonly events: number;
  readonly events_per_second: number;
  readonly lag_ms: number | null;
  readonly last_event_at: string | null;
  readonly last_heartbeat_at: string | null;
  readonly reconciliations: number;
  readonly lost: number;
}

export interface FlowNow {
  readonly switch: string;
  readonly flow_id: string;
  readonly domain_name: string;
  readonly from_number: string;
  readonly to_number: string;
  readonly reached: readonly string[];
  readonly since: string;
  readonly answered_at: string | null;
}

export interface Step { readonly at: string; readonly delivered: number; readonly failed: number; readonly p50_ms: number | null; readonly p99_ms: number | null }

export interface Trouble {
  readonly domain_name: string;
  readonly callback_url: string;
  readonly breaker: 'closed' | 'open' | 'probing';
  readonly failures: number;
  readonly next_probe_ms: number | null;
  readonly last_failure: string | null;
  readonly last_failure_at: string | null;
}

export interface Failure {
  readonly at: string;
  readonly delivery_id: string;
  readonly call_id: string;
  readonly domain_name: string;
  readonly callback_url: string;
  readonly event: string;
  readonly attempt: number;
  readonly outcome: string;
  readonly status: number | null;
  readonly reason: string | null;
}

export interface Overview {
  readonly at: string;
  readonly started_at: string;
  readonly switches: readonly SwitchNow[];
  readonly flows: { readonly open: number; readonly shown: readonly FlowNow[] };
  readonly deliveries: {
    readonly waiting: number | null;
    readonly oldest_waiting_at: string | null;
    readonly per_second: number;
    readonly success_rate: number | null;
    readonly p50_ms: number | null;
    readonly p99_ms: number | null;
    readonly step_seconds: number;
    readonly series: readonly Step[];
  };
  readonly trouble: readonly Trouble[];
  readonly failures: readonly Failure[];
}

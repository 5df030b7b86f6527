import type { FlowRecord, NewDelivery } from './outbox.js';
import type { Queryable } from './pool.js';

/** What became of a delivery that was not in the outbox before. */
export interface Appended {
  readonly id: string;
  readonly sequence: number;
  /** Leased to us, attempt 1. */
  readonly leased: boolean;
  /**
   * Another process appended an earlier row of this lane at the same moment and may be sending it: a lease on this one must be
   * released unused.
   */
  readonly raced: boolean;
  /** It came too late to be sent: recorded, and ended with that. */
  readonly expired: boolean;
}

export interface AppendOptions { daemonId: number; holdMs: number }

/** A new delivery, and whether there is room to send it at once. */
export interface Offer {
  readonly delivery: NewDelivery;
  readonly lease: boolean;
  /** As in `Delivery`; never unless told. */
  readonly expiresAtMs?: number | null;
}

/** What the daemon called `owner` keeps of flows, each flow at most once. Its rows are its own: no other daemon writes them while it lives. */
export interface OwnedFlows { readonly owner: string; readonly records: readonly FlowRecord[] }

/**
 * Commits promises, each once, whoever makes them and however often; ids must not repeat within `offers`. Returns the rows
 * that are new. What is kept of their flows is committed in the same statement, and gone with it where a flow has ended.
 *
 * A lease is given where it was asked for and nothing earlier in the lane is in anybody else's hands: then this process has the
 * whole lane in its memory, in order. Otherwise the row waits at least as long as what it waits for. What has expired already
 * is ended here and holds nothing.
 *
 * Rows go in by order of id, so two processes with the same notices wait for each other and never deadlock. Both number a
 * lane alike, since a row counts what is before it in the table and in its own batch. Batches are joined in full because that
 * cannot be planned as a nested loop, which would take a thousand times a thousand steps.
 */
export async function append(db: Queryable, offers: readonly Offer[], { daemonId, holdMs }: AppendOptions, flows = NO_FLOWS): Promise<Appended[]> {
  const { rows } = await db.query<Appended>(
    `with batch as (
       select b.*, to_timestamp(b.expires_at_ms / 1000) as expires_at, coalesce(to_timestamp(b.expires_at_ms / 1000) <= now(), false) as stale
         from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::text[],
                     $10::integer[], $11::text[], $12::timestamptz[], $13::boolean[], $14::text[], $15::float8[])
           as b (id, lane, url_key, url, subscription_id, domain_uuid, event, flow_id, call_id, position, body, occurred_at, lease,
                 synthetic, expires_at_ms)
     ), known as (
       select d.id, d.lane, d.position, d.due_at, d.leased_by = $16 as ours,
              d.first_attempt_at + $17 * interval '1 ms' as holds_until,
              d.state in ('pending', 'leased')
                and (d.first_attempt_at is null or d.first_attempt_at + $17 * interval '1 ms' > now()) as holds
         from delivery d
        where d.lane = any ($2::bigint[])
     ), placed as (
       select b.*, k.id is null as fresh,
              row_number() over so_far as place,
              bool_and(coalesce((b.lease or b.stale) and k.id is null, false) or coalesce(not k.holds or k.ours, false)) over so_far
                and not b.stale as granted,
              max(least(k.due_at, k.holds_until)) filter (where k.holds) over so_far as waits_until
         from batch b
         full join known k on k.id = b.id
       window so_far as (partition by coalesce(b.lane, k.lane) order by coalesce(b.position, k.position), coalesce(b.id, k.id)
                         rows unbounded preceding)
     ), inserted as (
       insert into delivery (id, lane, url_key, url, subscription_id, domain_uuid, event, flow_id, call_id, position, sequence,
                             body, occurred_at, synthetic, expires_at, state, attempt, due_at, leased_by, first_attempt_at,
                             last_reason, settled_at)
       select id, lane, url_key, url, subscription_id, domain_uuid, event, flow_id, call_id, position, place,
              body, occurred_at, synthetic, expires_at, case when stale then 'expired' when granted then 'leased' else 'pending' end,
              granted::integer, greatest(now(), waits_until), case when granted then $16::integer end, case when granted then now() end,
              case when stale then expiry_reason(occurred_at, expires_at, null) end, case when stale then now() end
         from placed
        where fresh
        order by id
           on conflict (id) do nothing
       returning id
     ), outcome as (
       select p.id, p.place::integer as sequence, p.granted as leased, p.stale as expired, i.id is not null as inserted,
              bool_or(i.id is null) over (partition by p.lane order by p.position, p.id rows unbounded preceding) as raced
         from (select * from placed where fresh) p
         full join inserted i on i.id = p.id
     ), flow as (
       select $18::text as owner, f.*
         from unnest($19::text[], $20::text[], $21::text[], $22::integer[], $23::text[]) as f (switch_name, flow_id, core_id, position, state)
     ), ended as (
       delete from open_flow o using flow f
        where f.state is null and o.owner = any (array[f.owner]) and o.switch_name = any (array[f.switch_name]) and o.flow_id = any (array[f.flow_id])
     ), kept as (
       insert into open_flow (owner, switch_name, flow_id, core_id, position, state)
       select owner, switch_name, flow_id, core_id, position, state from flow where state is not null
           on conflict (owner, switch_name, flow_id)
           do update set core_id = excluded.core_id, position = excluded.position, state = excluded.state, updated_at = now()
     )
     select id, sequence, leased, raced, expired from outcome where inserted`,
    [...columns(offers), daemonId, holdMs, flows.owner, ...flowColumns(flows.records)],
  );
  return rows;
}

const NO_FLOWS: OwnedFlows = { owner: '', records: [] };

function columns(offers: readonly Offer[]): unknown[] {
  const column = <T>(of: (delivery: NewDelivery) => T): T[] => offers.map(({ delivery }) => of(delivery));
  return [
    column((d) => d.id), column((d) => d.lane), column((d) => d.urlKey), column((d) => d.url), column((d) => d.subscriptionId),
    column((d) => d.domainId), column((d) => d.event), column((d) => d.flowId), column((d) => d.callId), column((d) => d.position),
    column((d) => d.body), column((d) => d.occurredAt.toISOString()), offers.map(({ lease }) => lease),
    column((d) => d.synthetic ?? null), offers.map(({ expiresAtMs }) => expiresAtMs ?? null),
  ];
}

function flowColumns(records: readonly FlowRecord[]): unknown[] {
  const column = <T>(of: (record: FlowRecord) => T): T[] => records.map(of);
  return [column((f) => f.switchName), column((f) => f.flowId), column((f) => f.coreId), column((f) => f.position), column((f) => f.state)];
}

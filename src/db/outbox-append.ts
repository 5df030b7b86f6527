import type { FlowRecord, NewDelivery } from './outbox.js';
import { byDay } from './outbox-day.js';
import { codeOf, type Queryable } from './pool.js';

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

export interface AppendOptions {
  daemonId: number;
  holdMs: number;
  /** Lost races (`Raced`) after which a statement is not repeated any more. That another process gets in between ten times in a row is a fault of ours. */
  mostRaces?: number;
}

/** Another process has appended to one of the lanes, or made the day's partition, at the same moment: the data is right, and another try will see it. */
export class Raced extends Error {}

/** A new delivery, and whether there is room to send it at once. */
export interface Offer {
  readonly delivery: NewDelivery;
  readonly lease: boolean;
  /** How long it is still worth sending, milliseconds from now: no clock but that of Postgres decides. For ever unless told. */
  readonly expiresInMs?: number | null;
  /** What that was to begin with. */
  readonly ttlMs?: number | null;
}

/** What the daemon called `owner` keeps of flows, each flow at most once. Its rows are its own: no other daemon writes them while it lives. */
export interface OwnedFlows { readonly owner: string; readonly records: readonly FlowRecord[] }

/**
 * Commits promises, each once, whoever makes them and however often; ids must not repeat within `offers`. Returns the rows
 * that are new. What is kept of their flows is committed in the same statement, and gone with it where a flow has ended; where
 * the offers are of several days there is a statement for each, and the flows go with the last.
 */
export async function append(db: Queryable, offers: readonly Offer[], options: AppendOptions, flows = NO_FLOWS): Promise<Appended[]> {
  const days = [...byDay(offers, ({ delivery }) => delivery.flowDay)];
  const last = days.pop() ?? ['1970-01-01', []]; // flows alone: any day will do
  const appended: Appended[] = [];
  for (const [day, some] of days) appended.push(...await appendDay(db, day, some, options, NO_FLOWS));
  return [...appended, ...await appendDay(db, last[0], last[1], options, flows)];
}

/**
 * A new row goes behind all that its lane has, in sequence and in position, for whoever tells it may have missed the beginning. Of
 * two processes that give one number of a lane at once to two rows, one is refused with all that it appends, see `is_number_taken`;
 * it begins anew, and then sees what the other has written.
 *
 * A lease is given where it was asked for and nothing in the lane is in anybody else's hands: then this process has the
 * whole lane in its memory, in order. Otherwise the row waits at least as long as what it waits for. What has expired already
 * is ended here and holds nothing, nor does what is held.
 *
 * Rows go in lane by lane, and each lane in its order, so two processes with the same notices wait for each other and never
 * deadlock. What went in is joined in full because that cannot be planned as a nested loop, which would take a thousand times a
 * thousand steps.
 */
async function appendDay(db: Queryable, day: string, offers: readonly Offer[], { daemonId, holdMs, mostRaces = MOST_RACES }: AppendOptions, flows: OwnedFlows): Promise<Appended[]> {
  const values = [day, ...columns(offers), daemonId, holdMs, flows.owner, ...flowColumns(flows.records)];
  const { rows } = await unlessRaced(() => db.query<Appended>(APPEND_DAY, values), mostRaces);
  return rows;
}

const APPEND_DAY =
  `with batch as (
     select b.*, now() + b.expires_in_ms * interval '1 ms' as expires_at, coalesce(b.expires_in_ms <= 0, false) as stale
       from unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::text[], $6::uuid[], $7::uuid[], $8::text[], $9::text[], $10::text[],
                   $11::text[], $12::text[], $13::integer[], $14::text[], $15::timestamptz[], $16::boolean[], $17::boolean[], $18::text[],
                   $19::float8[], $20::integer[])
         as b (id, lane, url_key, url, subscription_id, domain_uuid, event, flow_id, call_id, from_number, to_number, position, body, occurred_at,
               lease, held, synthetic, expires_in_ms, ttl_ms)
   ), seen as (
     select b.*, l.*
       from batch b
      cross join lateral (
        select bool_or(d.id = b.id) as known, max(d.sequence) as last_sequence, max(d.position) as last_position,
               bool_and(d.leased_by is not distinct from $21) filter (where h.holds) as ours,
               max(least(d.due_at, h.until)) filter (where h.holds) as waits_until
          from delivery d
         cross join lateral (select d.first_attempt_at + $22 * interval '1 ms' as until) u
         cross join lateral (select u.until, d.state in ('pending', 'leased') and coalesce(u.until > now(), true) as holds) h
         where d.day = $1 and d.lane = b.lane
      ) l
   ), fresh as (
     select *, row_number() over (partition by lane order by position, id) as place from seen where known is not true
   ), placed as (
     select *, (coalesce(last_sequence, 0) + place)::integer as sequence,
            (place + max(greatest(last_position, position - place)) over so_far)::integer as stored_position,
            bool_and(coalesce(ours, true) and (lease or stale or held)) over so_far and not stale and not held as granted
       from fresh
     window so_far as (partition by lane order by place rows unbounded preceding)
   ), inserted as (
     insert into delivery (id, lane, url_key, url, subscription_id, domain_uuid, event, flow_id, call_id, from_number, to_number, day, position,
                           sequence, body, occurred_at, synthetic, expires_at, ttl_ms, state, attempt, due_at, leased_by,
                           first_attempt_at, last_reason, settled_at)
     select id, lane, url_key, url, subscription_id, domain_uuid, event, flow_id, call_id, from_number, to_number, $1::date, stored_position,
            sequence, body, occurred_at, synthetic, expires_at, ttl_ms,
            case when stale then 'expired' when held then 'held' when granted then 'leased' else 'pending' end,
            granted::integer, greatest(now(), waits_until), case when granted then $21::integer end, case when granted then now() end,
            case when stale then expiry_reason(occurred_at, expires_at, null) end, case when stale then now() end
       from placed
      order by lane, sequence
         on conflict do nothing
     returning id
   ), outcome as (
     select p.id, p.sequence, p.granted as leased, p.stale as expired, i.id is not null as inserted,
            bool_or(i.id is null) over (partition by p.lane order by p.sequence rows unbounded preceding) as raced
       from placed p
       full join inserted i on i.id = p.id
   ), flow as (
     select $23::text as owner, f.*
       from unnest($24::text[], $25::text[], $26::text[], $27::integer[], $28::text[]) as f (switch_name, flow_id, core_id, position, state)
   ), ended as (
     delete from open_flow o using flow f
      where f.state is null and o.owner = any (array[f.owner]) and o.switch_name = any (array[f.switch_name]) and o.flow_id = any (array[f.flow_id])
   ), kept as (
     insert into open_flow (owner, switch_name, flow_id, core_id, position, state)
     select owner, switch_name, flow_id, core_id, position, state from flow where state is not null
         on conflict (owner, switch_name, flow_id)
         do update set core_id = excluded.core_id, position = excluded.position, state = excluded.state, updated_at = now()
   )
   select id, sequence, leased, raced, expired from outcome where inserted or is_number_taken($1, id)`;

const NO_FLOWS: OwnedFlows = { owner: '', records: [] };

const UNIQUE_VIOLATION = '23505';
const CHECK_VIOLATION = '23514';
const MOST_RACES = 10;

async function unlessRaced<T>(statement: () => Promise<T>, mostRaces: number): Promise<T> {
  for (let races = 1; ; races += 1) {
    try {
      return await statement();
    } catch (error) {
      if (!isRaced(error)) throw error;
      if (races === mostRaces) throw new Raced(`An append was raced ${races} times in a row`, { cause: new Error((error as Error).message) });
    }
  }
}

/** Another process has taken a number, or has made the day's partition while the row was on its way to the default one: no constraint is named then. */
function isRaced(error: unknown): boolean {
  const code = codeOf(error);
  return code === UNIQUE_VIOLATION || (code === CHECK_VIOLATION && (error as { constraint?: string }).constraint === undefined);
}

function columns(offers: readonly Offer[]): unknown[] {
  const column = <T>(of: (delivery: NewDelivery) => T): T[] => offers.map(({ delivery }) => of(delivery));
  return [
    column((d) => d.id), column((d) => d.lane), column((d) => d.urlKey), column((d) => d.url), column((d) => d.subscriptionId),
    column((d) => d.domainId), column((d) => d.event), column((d) => d.flowId), column((d) => d.callId), column((d) => d.fromNumber),
    column((d) => d.toNumber), column((d) => d.position), column((d) => d.body), column((d) => d.occurredAt.toISOString()),
    offers.map(({ lease }) => lease), column((d) => d.held ?? false), column((d) => d.synthetic ?? null),
    offers.map(({ expiresInMs }) => expiresInMs ?? null), offers.map(({ ttlMs }) => ttlMs ?? null),
  ];
}

function flowColumns(records: readonly FlowRecord[]): unknown[] {
  const column = <T>(of: (record: FlowRecord) => T): T[] => records.map(of);
  return [column((f) => f.switchName), column((f) => f.flowId), column((f) => f.coreId), column((f) => f.position), column((f) => f.state)];
}

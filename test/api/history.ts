import { randomUUID } from 'node:crypto';
import type { Pool } from '../../src/db/pool.js';
import { laneKey, urlKey } from '../../src/webhook/identity.js';

/** A row of the history as a test wants it; the rest is made up. */
export interface Told {
  domainId: string;
  subscriptionId?: string;
  id?: string;
  event?: string;
  state?: string;
  callId?: string;
  flowId?: string;
  url?: string;
  sequence?: number;
  from?: string;
  to?: string;
  body?: string;
  /** When it was committed, and the call began. */
  at?: Date;
  attempts?: number;
  synthetic?: string;
  ttlMs?: number;
}

/** Puts a delivery into the history as the outbox leaves it. Returns its id. */
export async function tell(pool: Pool, { domainId, subscriptionId = randomUUID(), id = randomUUID(), ...told }: Told): Promise<string> {
  const { event = 'ringing', state = 'delivered', flowId = randomUUID(), callId = flowId, url = 'https://example.com/hook', sequence = 1, at = new Date(), attempts = 1 } = told;
  const ended = ['delivered', 'abandoned', 'expired'].includes(state);
  await pool.query(
    `insert into delivery (id, lane, url_key, subscription_id, domain_uuid, occurred_at, created_at, due_at, settled_at, day, position, sequence, attempt, state, event, url,
                           flow_id, call_id, from_number, to_number, synthetic, body, last_status, last_reason, leased_by, ttl_ms)
     values ($1, $2, $3, $4, $5, $6, $6, $6, case when $7 then $6::timestamptz end, ($6::timestamptz at time zone 'utc')::date, $8, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
             case when $10 = 'delivered' then 200 end, case when $10 = 'abandoned' then 'status 500' end, case when $10 = 'leased' then 1 end, $19)`,
    [id, laneKey(url, flowId), urlKey(url), subscriptionId, domainId, at, ended, sequence, attempts, state, event, url, flowId, callId,
      told.from ?? '+12025550143', told.to ?? '1001', told.synthetic ?? null, told.body ?? JSON.stringify({ call_id: callId, state: event }), told.ttlMs ?? null],
  );
  return id;
}

/** Notes POSTs of a delivery that is there, each with this outcome. */
export async function tried(pool: Pool, id: string, outcomes: readonly string[]): Promise<void> {
  await pool.query(
    `insert into attempt (delivery_id, started_at, day, number, status, dns_ms, connect_ms, tls_ms, first_byte_ms, total_ms, outcome, daemon, reason, excerpt)
     select d.id, d.created_at + o.number * interval '1 s', d.day, o.number, case o.outcome when 'delivered' then 200 when 'retry' then 500 end,
            case when o.number = 1 then 1.5 end, case when o.number = 1 then 2 end, case when o.number = 1 then 3 end, 4, 5.25, o.outcome, 'test',
            case o.outcome when 'retry' then 'status 500' end, 'thanks'
       from delivery d cross join unnest($2::text[]) with ordinality as o (outcome, number)
      where d.id = $1`,
    [id, outcomes],
  );
}

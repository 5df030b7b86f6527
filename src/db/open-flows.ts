import type { FlowRecord } from './outbox.js';
import type { Queryable } from './pool.js';

/** What a daemon, perhaps a dead one, last knew of a flow that had not ended. */
export interface OpenFlow extends FlowRecord { readonly owner: string; readonly state: string }

/** All flows of a switch that anybody has left open. Where several daemons know one, the record of who has got furthest with it. */
export async function loadOpenFlows(db: Queryable, switchName: string): Promise<OpenFlow[]> {
  const { rows } = await db.query<OpenFlow>(
    `select distinct on (flow_id) owner, switch_name as "switchName", flow_id as "flowId", core_id as "coreId", position, state
       from open_flow
      where switch_name = $1
      order by flow_id, position desc, updated_at desc`,
    [switchName],
  );
  return rows;
}

export interface Forgetting {
  /** Who has these flows in his own hands now; his own records stay. */
  readonly owner: string;
  readonly switchName: string;
  readonly flowIds: readonly string[];
  /** A daemon not heard of for so long is dead, and so is one that nobody knows any more. */
  readonly silentMs: number;
}

/**
 * Removes what dead daemons have left of these flows, and returns how many records that were. To be called when what the new
 * owner knows of them is committed, or they have ended; and again later, for a daemon that has just died still counts as alive.
 * A living daemon's records are never touched.
 */
export async function forgetOpenFlows(db: Queryable, { owner, switchName, flowIds, silentMs }: Forgetting): Promise<number> {
  const { rowCount } = await db.query(
    `delete from open_flow o
      where o.switch_name = $1 and o.owner <> $2 and o.flow_id = any ($3::text[])
        and not exists (select 1 from daemon m where m.name = o.owner and m.seen_at > now() - $4 * interval '1 ms')`,
    [switchName, owner, flowIds, silentMs],
  );
  return rowCount ?? 0;
}

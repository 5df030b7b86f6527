import type { FlowRecord } from './outbox.js';
import type { Queryable } from './pool.js';

/** What a daemon, perhaps a dead one, last knew of a flow that had not ended. */
export interface OpenFlow extends FlowRecord { readonly owner: string; readonly state: string }

const COLUMNS = 'owner, switch_name as "switchName", flow_id as "flowId", core_id as "coreId", position, state';

/** The flows of a switch that the daemon called `owner` has left open. */
export async function loadOpenFlows(db: Queryable, owner: string, switchName: string): Promise<OpenFlow[]> {
  const { rows } = await db.query<OpenFlow>(`select ${COLUMNS} from open_flow where owner = $1 and switch_name = $2`, [owner, switchName]);
  return rows;
}

/** Whose flows are asked for: those of daemons other than `owner`, on one run of a switch, after the flow `after` by id. */
export interface OthersFlows { readonly owner: string; readonly coreId: string; readonly after: string }

/**
 * Up to `limit` flows that other daemons, living or dead, have open and may know more of than what `owner` has committed, by id;
 * where several know one, the record of who has got furthest. The run says which switch it is: two PBXs may well have been given
 * the same name.
 */
export async function loadOthersFlows(db: Queryable, { owner, coreId, after }: OthersFlows, limit: number): Promise<OpenFlow[]> {
  const { rows } = await db.query<OpenFlow>(
    `select distinct on (flow_id) ${COLUMNS}
       from open_flow o
      where core_id = $1 and owner <> $2 and flow_id > $3
        and not exists (select 1 from open_flow own where own.owner = $2 and own.core_id = o.core_id and own.flow_id = o.flow_id and own.position > o.position)
      order by flow_id, position desc, updated_at desc
      limit $4`,
    [coreId, owner, after, limit],
  );
  return rows;
}

export interface Forgetting {
  /** Who has these flows in his own hands now; his own records stay. */
  readonly owner: string;
  readonly flowIds: readonly string[];
  /** A daemon not heard of for so long is dead, and so is one that nobody knows any more. */
  readonly silentMs: number;
}

/**
 * Removes what dead daemons have left of these flows, and returns how many records that were. To be called when what the new
 * owner knows of them is committed, or they have ended; and again later, for a daemon that has just died still counts as alive.
 * A living daemon's records are never touched.
 */
export async function forgetOpenFlows(db: Queryable, { owner, flowIds, silentMs }: Forgetting): Promise<number> {
  const { rowCount } = await db.query(
    `delete from open_flow o
      where o.owner <> $1 and o.flow_id = any ($2::text[])
        and not exists (select 1 from daemon m where m.name = o.owner and m.seen_at > now() - $3 * interval '1 ms')`,
    [owner, flowIds, silentMs],
  );
  return rowCount ?? 0;
}

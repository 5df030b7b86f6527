import type { NewDelivery } from './outbox.js';
import { append } from './outbox-append.js';
import { inTransaction, type Pool } from './pool.js';

/** A test call is news for so long; a receiver that has been mended since is tested anew. */
const TTL_MS = 120_000;

/**
 * Promises a test call to a subscription, in the outbox like any other; false, and nothing, while one that was promised before is
 * not over. Of two at once, in whichever processes, one waits for the other at the lock and then sees what that has promised. The
 * deliveries are all of one lane.
 */
export async function addTestCall(pool: Pool, subscriptionId: string, deliveries: readonly NewDelivery[]): Promise<boolean> {
  const { domainId, lane, flowDay } = deliveries[0]!;
  return await inTransaction(pool, async (db) => {
    await db.query(`select pg_advisory_xact_lock(hashtextextended('hookswitch_test_call ' || $1, 0))`, [subscriptionId]);
    const { rowCount } = await db.query(
      `insert into test_call (subscription_id, domain_uuid, lane, day)
       select event_domain_uuid, domain_uuid, $3, $4 from event_domain where event_domain_uuid = $1 and domain_uuid = $2
           on conflict (subscription_id) do update set lane = excluded.lane, day = excluded.day, created_at = now()
                where not exists (select from delivery d where d.day = test_call.day and d.lane = test_call.lane and d.state in ('pending', 'leased'))`,
      [subscriptionId, domainId, lane, flowDay],
    );
    if (rowCount === 0) return false;
    await db.query(`delete from test_call where domain_uuid = $1 and created_at < now() - interval '1 day'`, [domainId]);
    // Nobody leases them here: the daemon that next looks for what is due sends them.
    await append(db, deliveries.map((delivery) => ({ delivery, lease: false, expiresInMs: TTL_MS, ttlMs: TTL_MS })), { daemonId: 0, holdMs: TTL_MS });
    return true;
  });
}

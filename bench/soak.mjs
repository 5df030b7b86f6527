// An ordinary load for long: whether anything grows that should not.
import { latencies, percentile } from './measures.mjs';
import { usageOf } from './usage.mjs';

const PER_SECOND = 200;
const SECONDS = 60;

/** A line a minute: latency, memory, and of the outbox' tables the rows that are dead, the bytes, and the bytes of their indexes. */
export async function soak(stage, minutes, say) {
  const daemon = await stage.start('hookswitch');
  const lines = [];
  try {
    while (lines.length < minutes) {
      const waits = await daemon.during(latencies(stage, { perSecond: PER_SECOND, seconds: SECONDS }));
      const { rows: [tables] } = await stage.pool.query(
        `select sum(n_live_tup)::float8 as live, sum(n_dead_tup)::float8 as dead, sum(pg_relation_size(relid))::float8 as bytes, sum(pg_indexes_size(relid))::float8 as "indexBytes", sum(autovacuum_count)::float8 as vacuums
           from pg_stat_user_tables where relname ~ '^(delivery|attempt|open_flow|subscription_health)'`);
      const { residentMb } = await usageOf(daemon.pid);
      lines.push({ minute: lines.length + 1, webhooks: waits.length, p50: percentile(waits, 0.5), p99: percentile(waits, 0.99), residentMb, ...tables });
      say(Object.entries(lines.at(-1)).map(([figure, value]) => `${figure} ${Number(value.toPrecision(4))}`).join(', '));
    }
  } finally {
    await daemon.stop();
  }
  return lines;
}

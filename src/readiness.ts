import type { Config } from './config.js';
import type { DirectoryFeed } from './db/directory-feed.js';
import type { Pool } from './db/pool.js';
import type { Deliveries } from './delivery/deliveries.js';
import type { SwitchLink } from './esl/switch-link.js';
import type { Readiness } from './http/health.js';
import { readLevels } from './levels.js';
import type { Metrics } from './metrics.js';
import type { Directory } from './subscriptions/directory.js';

/** What has to be well. */
export interface ReadinessParts { version: string; config: Config; pool: Pool; feed: DirectoryFeed; links: readonly SwitchLink[]; deliveries: Deliveries; directory: Directory; metrics: Metrics }

/** Ready is a daemon that hears a switch, can keep what it hears, and is not hopelessly behind. Brings the gauges that say so up to date. */
export async function readinessOf({ version, config, pool, feed, links, deliveries, directory, metrics }: ReadinessParts): Promise<Readiness> {
  readLevels(metrics, { pool, directory, version, node: process.versions.node });
  // Both at once: where Postgres is silent each takes as long as a connection may, and Prometheus does not wait for two of them.
  const [answers, backlog] = await Promise.all([pool.query('select 1').then(() => true, () => false), deliveries.backlog().catch(() => undefined)]);
  const buffered = deliveries.buffered();
  const checks = {
    database: { ready: answers && feed.isFresh(), answers, directoryFresh: feed.isFresh() },
    switches: { ready: links.some((link) => link.isUp()), links: links.map((link) => ({ ready: link.isUp(), name: link.name })) },
    backlog: { ready: backlog !== undefined && backlog <= config.delivery.maxBacklog, waiting: backlog, limit: config.delivery.maxBacklog },
    buffer: { ready: deliveries.hasRoom(), notices: buffered, limit: config.ingest.maxBuffered },
  };
  const ready = Object.values(checks).every((check) => check.ready);
  metrics.databaseUp.set(answers ? 1 : 0);
  metrics.ready.set(ready ? 1 : 0);
  return { ready, checks };
}

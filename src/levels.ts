import type { Pool } from './db/pool.js';
import type { Metrics } from './metrics.js';
import type { Directory } from './subscriptions/directory.js';

/** Whose levels are shown; the pool may be pg's or anything that counts its connections as it does. */
export interface Levelled {
  pool: Pick<Pool, 'totalCount' | 'idleCount' | 'waitingCount'>;
  directory: Pick<Directory, 'size'>;
  /** Of this build, and of the Node that it runs on. */
  version: string;
  node: string;
}

/** Brings those gauges up to date that nobody moves as things happen. For the moment at which somebody asks; neither waits nor throws. */
export function readLevels(metrics: Metrics, { pool, directory, version, node }: Levelled): void {
  metrics.build.set({ version, node }, 1);
  metrics.connections.set({ state: 'idle' }, pool.idleCount);
  metrics.connections.set({ state: 'busy' }, pool.totalCount - pool.idleCount);
  metrics.connectionsAwaited.set(pool.waitingCount);
  for (const [kind, count] of Object.entries(directory.size())) metrics.directory.set({ kind }, count);
}

import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '../../../src/clock.js';
import { tenantOf } from '../call.js';
import type { Scenario } from '../scenario.js';

const run = promisify(execFile);
const HOUR_MS = 3_600_000;
const LOST_TENANT = tenantOf(0);

export const dns: Scenario = {
  name: 'a callback host without DNS',
  stage: () => ({ astray: { tenant: LOST_TENANT, url: 'http://callback.invalid/hook' } }),
  leaveOut: [`/${LOST_TENANT}`],
  hurt: ({ player }) => player.reached(1),
  async after({ stage }, tally) {
    const { rows: [row] } = await stage.pool.query<{ count: number }>(`select count(*)::int as count from delivery where state = 'pending' and url like 'http://callback.invalid/%'`);
    const expected = tally.countFor(`/${LOST_TENANT}`);
    return row?.count === expected ? [] : [`${row?.count} of ${expected} webhooks wait for the host that does not resolve`];
  },
};

export const clock: Scenario = {
  name: 'clock stepped by an hour',
  stage: () => ({ env: { NODE_OPTIONS: `--import=${new URL('../clock-step.mjs', import.meta.url).href}`, HOOKSWITCH_LOG_LEVEL: 'debug' } }),
  async hurt({ stage, player }) {
    for (const moment of [0.2, 0.4, 0.6, 0.8]) {
      await player.reached(moment);
      process.kill(stage.daemon().pid, 'SIGUSR2'); // forward, back, forward, back
    }
  },
  after: ({ stage }) => Promise.resolve(stage.daemon().lines.some(({ timestamp }) => Date.parse(String(timestamp)) > Date.now() + HOUR_MS / 2) ? [] : ['the clock was never stepped']),
};

export const atOnce: Scenario = {
  name: 'very many calls at once',
  alone: true,
  load: (form) => (form === 'full' ? { calls: 10_000, perSecond: 300, speed: 0.065, lasting: [2_900, 4_000] } : { calls: 600, perSecond: 200, speed: 0.9, lasting: [2_900, 4_000] }),
  hurt: ({ player }) => player.reached(1),
  after: ({ player, form }) => Promise.resolve(player.mostAtOnce >= (form === 'full' ? 9_900 : 550) ? [] : [`only ${player.mostAtOnce} calls were up at once`]),
};

const DISK = '160m';

/** A file system of its own for the database. */
async function mount(folder: string): Promise<void> {
  await mkdir(folder);
  await run('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'hookswitch-faults', folder]);
}

export const diskFull: Scenario = {
  name: 'disk full under postgres',
  async unable() {
    const probe = join('/tmp', `hookswitch-faults-${process.pid}-probe`);
    try {
      await mount(probe);
      await run('umount', [probe]);
      return undefined;
    } catch {
      return 'no file system can be mounted here';
    } finally {
      await rm(probe, { recursive: true, force: true });
    }
  },
  stage: () => ({ disk: mount, postgres: { max_wal_size: '48MB', min_wal_size: '32MB' } }),
  async hurt({ stage, player, form }) {
    await player.reached(0.3);
    const filler = join(stage.folder, 'postgres', 'filler');
    await writeFile(filler, Buffer.alloc(256 << 20)).catch((error: NodeJS.ErrnoException) => { if (error.code !== 'ENOSPC') throw error; });
    await stage.daemon().said('outbox cannot be written');
    await systemClock.sleep(form === 'full' ? 10_000 : 3_000);
    await rm(filler);
    await stage.postgres.start(); // without room for its log Postgres gives up itself
  },
};

import { systemClock, type Clock } from '../../src/clock.js';
import { append } from '../../src/db/outbox-append.js';
import { createRetention } from '../../src/delivery/retention.js';
import { createDatabase } from '../support/postgres.js';
import { silentLog } from '../support/silent-log.js';
import { promiseTo } from './promise.js';

it('retention deletes all that is old, batch by batch, rests, and stops in the middle of its rest', async () => {
  const db = await createDatabase();
  const { pool } = db;
  await append(pool, Array.from({ length: 4_500 }, (_, index) => ({ delivery: promiseTo('http://a', `flow ${index}`, index), lease: false })), { daemonId: 1, holdMs: 1 });
  await pool.query(`update delivery set state = 'delivered', settled_at = now() - interval '15 days' where position > 0`);

  const pauses: number[] = [];
  let rested!: () => void;
  const resting = new Promise<void>((resolve) => { rested = resolve; });
  const clock: Clock = { ...systemClock, sleep: (ms, signal) => {
    pauses.push(ms);
    if (ms < 1_000) return Promise.resolve();
    rested();
    return systemClock.sleep(ms, signal);
  } };
  const retention = createRetention({ db: pool, clock, log: silentLog, random: () => 0.5 });
  await retention.start();
  await resting;
  expect((await pool.query('select position from delivery')).rows).toEqual([{ position: 0 }]);
  expect(pauses).toEqual([100, 100, 600_000]);
  await retention.stop(new AbortController().signal);
  await db.drop();
});

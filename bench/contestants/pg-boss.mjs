// pg-boss as the queue: jobs are inserted in batches; as many workers as it takes to have 64 POSTs under way, each polling as often as it may.
import PgBoss from 'pg-boss';
import { inBatches } from './batches.mjs';
import { given } from './given.mjs';
import { listen } from './listen.mjs';
import { CONCURRENCY, post } from './post.mjs';

const WORKERS = 4;
const { database, ...rest } = given();
const boss = new PgBoss({ connectionString: database, max: 10 });
boss.on('error', (error) => { console.error(error.message); });
await boss.start();
await boss.createQueue('webhook');
for (let worker = 0; worker < WORKERS; worker += 1) {
  await boss.work('webhook', { batchSize: 4 * CONCURRENCY / WORKERS, pollingIntervalSeconds: 0.5 }, (jobs) => Promise.all(jobs.map(({ data }) => post(data))));
}
listen(rest, inBatches((webhooks) => boss.insert(webhooks.map((data) => ({ name: 'webhook', data })))));

// BullMQ as the queue, on Redis: jobs are added in batches, and done by one worker with 64 POSTs at once.
import { Queue, Worker } from 'bullmq';
import { inBatches } from './batches.mjs';
import { given } from './given.mjs';
import { listen } from './listen.mjs';
import { CONCURRENCY, post } from './post.mjs';

const { redis: path, ...rest } = given();
const queue = new Queue('webhook', { connection: { path }, defaultJobOptions: { attempts: 4, backoff: { type: 'exponential', delay: 1_000 }, removeOnComplete: true, removeOnFail: true } });
await queue.obliterate({ force: true });
const worker = new Worker('webhook', ({ data }) => post(data), { connection: { path, maxRetriesPerRequest: null }, concurrency: CONCURRENCY });
for (const part of [queue, worker]) part.on('error', (error) => { console.error(error.message); });
await worker.waitUntilReady();
listen(rest, inBatches((webhooks) => queue.addBulk(webhooks.map((data) => ({ name: 'webhook', data })))));

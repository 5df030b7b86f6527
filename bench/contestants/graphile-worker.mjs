// graphile-worker as the queue: jobs are added in batches, and fetched in batches by its local queue.
import { makeWorkerUtils, run, Logger } from 'graphile-worker';
import { inBatches } from './batches.mjs';
import { given } from './given.mjs';
import { listen } from './listen.mjs';
import { CONCURRENCY, post } from './post.mjs';

const { database, ...rest } = given();
const logger = new Logger(() => () => {});
const utils = await makeWorkerUtils({ connectionString: database, logger });
await utils.migrate();
await run({
  connectionString: database, concurrency: CONCURRENCY, maxPoolSize: 10, logger, noHandleSignals: true, pollInterval: 1_000,
  preset: { worker: { localQueue: { size: 500, refetchDelay: { durationMs: 20 } }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
  taskList: { webhook: post },
});
listen(rest, inBatches((webhooks) => utils.addJobs(webhooks.map((payload) => ({ identifier: 'webhook', payload })))));

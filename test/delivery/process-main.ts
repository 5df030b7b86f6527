import type { TestDatabase } from '../support/postgres.js';
import { startDeliveries, type HarnessOptions } from './harness.js';
import type { Answer, Request } from './process.js';
import { flowTo } from './promise.js';

const [url, options] = process.argv.slice(2) as [string, string];
const { deliveries, metrics } = await startDeliveries({ url } as TestDatabase, JSON.parse(options) as HarnessOptions);

async function answer(request: Request): Promise<Answer> {
  if (request.kind === 'add') {
    deliveries.add(flowTo(request.url, request.flowId, request.count));
    await deliveries.flushed();
  } else {
    await deliveries.idle();
  }
  return { lostLeases: (await metrics.lostLeases.get()).values[0]!.value };
}

process.on('message', (request: Request) => { void answer(request).then((said) => process.send!(said)); });
process.send!('ready');

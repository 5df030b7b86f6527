import { systemClock, type Clock } from '../../src/clock.js';
import { createPool } from '../../src/db/pool.js';
import { createDeliveries, DEFAULT_DELIVERIES, type DeliveriesDeps, type DeliveriesOptions } from '../../src/delivery/deliveries.js';
import type { Logger } from '../../src/log.js';
import { createMetrics } from '../../src/metrics.js';
import type { Subscription } from '../../src/subscriptions/subscription.js';
import { createAddressPolicy } from '../../src/webhook/address.js';
import { createSender } from '../../src/webhook/send.js';
import { signing } from '../support/signing.js';
import { silentLog } from '../support/silent-log.js';
import type { TestDatabase } from '../support/postgres.js';
import { SUBSCRIPTION } from './promise.js';

/** Never leaves a receiver alone, for tests in which failures come in whatever numbers. */
export const patient = { ...DEFAULT_DELIVERIES.breaker, failures: Infinity, share: Infinity };

export const subscription: Subscription = { id: SUBSCRIPTION, domainId: 'd', domainName: 'tenant.example', event: 'call.ringing', url: 'http://unused', apiKey: 's3cret', signing, format: 'v1', ratePerSecond: null, enabled: true };

export interface HarnessOptions extends Partial<DeliveriesOptions> {
  waitsMs?: number[];
  clock?: Clock;
  log?: Logger;
  deps?: Partial<DeliveriesDeps>;
}

export type Harness = Awaited<ReturnType<typeof startDeliveries>>;

/** The way out with all its real parts, on connections of its own. */
export async function startDeliveries({ url }: TestDatabase, { waitsMs = [1], clock = systemClock, log = silentLog, deps = {}, ...options }: HarnessOptions = {}) {
  const pool = createPool({ url, connectTimeoutMs: 1_000 }, silentLog);
  const sender = createSender({ policy: createAddressPolicy({ allow: ['127.0.0.0/8'] }), timeoutMs: options.timeoutMs ?? DEFAULT_DELIVERIES.timeoutMs, maxSocketsPerOrigin: 1_000 });
  const metrics = createMetrics();
  const deliveries = createDeliveries({
    pool, clock, log, metrics, random: () => 0.5, send: (request, signal) => sender.send(request, signal), subscriptionOf: () => subscription,
    policy: { waitsMs, jitter: 0, random: () => 0.5 }, headers: { userAgent: 'hookswitch/test', keyHeader: 'authorization', keyScheme: 'Bearer' }, ...deps,
  }, { ...DEFAULT_DELIVERIES, name: 'test', ...options });
  await deliveries.start();
  return {
    deliveries, metrics,
    /** Stops in order; what is in hand is finished unless `hurry` says otherwise. */
    stop: async (hurry = new AbortController().signal): Promise<void> => {
      await deliveries.stop(hurry);
      sender.close();
      await pool.end();
    },
  };
}

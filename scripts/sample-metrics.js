// Prints every metric with a sample of it, as /metrics does once all of it has happened: promtool passes over what has no sample.
import { createMetrics } from '../dist/metrics.js';

const { registry } = createMetrics();
for (const metric of registry.getMetricsAsArray()) {
  if (!metric.name.startsWith('hookswitch_')) continue;
  const labels = Object.fromEntries(metric.labelNames.map((name) => [name, 'x']));
  if (metric.observe) metric.observe(labels, 1);
  else metric.inc(labels, 1);
}
process.stdout.write(await registry.metrics());

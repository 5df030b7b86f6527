import type { Metrics } from '../metrics.js';
import { code, page, table } from './markdown.js';

/** What a metric says of itself; prom-client keeps it and does not type it. */
interface Described { name: string; help: string; type: string; labelNames: readonly string[] }

/** docs/metrics.md: every metric of our own, in the order of the code. */
export function metricsPage({ registry }: Pick<Metrics, 'registry'>): string {
  const described = (registry.getMetricsAsArray() as unknown as Described[]).filter(({ name }) => name.startsWith('hookswitch_'));
  const rows = described.map(({ name, type, labelNames, help }) => [code(name), type, labelNames.map(code).join(', '), help]);
  return page('Metrics', INTRODUCTION, table(['metric', 'type', 'labels', ''], rows), READING);
}

const INTRODUCTION = `\`/metrics\` on the API's port, in Prometheus' text format, without a token: keep it off the Internet. Labels have few values: never a call,
a URL or a tenant. Times are in seconds. The usual figures of a Node process are there as well (\`process_…\`, \`nodejs_…\`).`;

const READING = `The way of one webhook, each step a histogram: the event is read from the socket → \`hookswitch_event_to_commit_seconds\` → it is safe in Postgres;
→ \`hookswitch_event_to_sent_seconds\`, from the same beginning → its first POST begins → \`hookswitch_answer_seconds\` → the receiver has answered.

What several daemons on one Postgres say of the outbox (\`hookswitch_deliveries_waiting\`, \`hookswitch_deliveries_oldest_waiting_seconds\`) is the same thing said
several times: take the \`max\`, not the \`sum\`. All else is each daemon's own.

What is worth an alert, ready for Prometheus, and a dashboard for Grafana: [Watching with Prometheus](operations.md#metrics).`;

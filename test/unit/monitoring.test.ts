import { readFileSync } from 'node:fs';
import { createMetrics } from '../../src/metrics.js';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const ALERTS = 'deploy/prometheus/alerts.yml';
const DASHBOARD = 'deploy/grafana/dashboards/hookswitch.json';

interface Described { name: string; type: string; labelNames: string[] }
const metrics = createMetrics().registry.getMetricsAsArray() as unknown as Described[];
/** As Prometheus knows them: a histogram is three. */
const series = new Map(metrics.flatMap((metric) => (metric.type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']).map((ending) => [metric.name + ending, metric])));

/** Names of ours in what is asked of Prometheus; not those in what is said. */
const expressionsOf: Record<string, () => string[]> = {
  [ALERTS]: () => read(ALERTS).split(/^ *- alert: /m).slice(1).map((rule) => /expr: ([\s\S]*?)\n +(?:for|labels|annotations):/.exec(rule)![1]!),
  [DASHBOARD]: () => (JSON.parse(read(DASHBOARD)) as { panels: { targets?: { expr: string }[] }[] }).panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
};

describe.each(Object.keys(expressionsOf))('%s', (path) => {
  const expressions = expressionsOf[path]!();

  it('asks for metrics that there are', () => {
    const named = expressions.flatMap((text) => [...text.matchAll(/\b(?:hookswitch|process|nodejs)_[a-z0-9_]+/g)].map(([name]) => name));
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !series.has(name))).toEqual([]);
  });

  it('asks each of ours for labels that it has', () => {
    const ofPrometheus = ['job', 'instance', 'le'];
    const asked = expressions.flatMap((text) => [...text.matchAll(/\b(hookswitch_[a-z0-9_]+)\{([^}]*)\}/g)]
      .flatMap(([, name, selector]) => [...selector!.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)].map(([, label]) => ({ name: name!, label: label! }))));
    expect(asked.filter(({ name, label }) => !ofPrometheus.includes(label) && !series.get(name)!.labelNames.includes(label))).toEqual([]);
  });
});

it('operators are told what each alert means', () => {
  const names = [...read(ALERTS).matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
  const told = [...read('docs/operations.md').matchAll(/^\| `(Hookswitch\w+)` \|/gm)].map(([, name]) => name);
  expect(names.length).toBeGreaterThan(5);
  expect(told.sort()).toEqual(names.sort());
});

it('each alert has a test of its rule that it fires', () => {
  const fires = read('deploy/prometheus/alerts.test.yml').split('alertname: ').slice(1).filter((text) => /^\w+\n +exp_alerts:\n/.test(text)).map((text) => /^\w+/.exec(text)![0]);
  expect([...new Set(fires)].sort()).toEqual([...read(ALERTS).matchAll(/- alert: (\w+)/g)].map(([, name]) => name).sort());
});

import { readFileSync } from 'node:fs';
import { countOf, newCall, start } from './flow.js';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

let flow: Awaited<ReturnType<typeof start>>;
beforeAll(async () => { flow = await start(); });
afterAll(() => flow.stop());

/** Every series of ours by its name and labels, as /metrics writes them. */
async function scraped(): Promise<Map<string, number>> {
  const text = await (await fetch(`${flow.daemon.api}/metrics`)).text();
  return new Map([...text.matchAll(/^(hookswitch_\S+(?: \S+)*) (\S+)$/gm)].map(([, series, value]) => [series!, Number(value)]));
}

/** What was scraped first that fits: the daemon counts an answer when it has it, which is after the receiver gave it. */
async function scrapedOnce(holds: (series: Map<string, number>) => boolean): Promise<Map<string, number>> {
  for (;;) {
    const series = await scraped();
    if (holds(series)) return series;
  }
}

it('a call leaves its trace from the socket to the answer, and nothing of whose it was', async () => {
  const call = await newCall('calls/06-inbound-ext-answered');
  await flow.daemon.said('reconciled with the switch');
  await flow.pbx.replay.play(call.recording, { pace: 'full' });
  const webhooks = countOf([call]);
  await flow.receiver.received(webhooks);
  const sent = (series: Map<string, number>) => series.get('hookswitch_deliveries_settled_total{outcome="delivered"}') ?? 0;
  const series = await scrapedOnce((now) => sent(now) >= webhooks);
  const switches = 'switch="switch"';
  expect(Object.fromEntries(series)).toMatchObject({
    hookswitch_ready: 1, hookswitch_database_up: 1, [`hookswitch_switch_link_up{${switches}}`]: 1, [`hookswitch_switch_link_ups_total{${switches}}`]: 1,
    [`hookswitch_events_total{${switches},event="CHANNEL_CREATE"}`]: call.recording.events.filter(({ name }) => name === 'CHANNEL_CREATE').length,
    hookswitch_flows_open: 0, [`hookswitch_reconciliation_seconds_count{${switches}}`]: 1,
    'hookswitch_attempts_total{outcome="delivered"}': series.get('hookswitch_answer_seconds_count'),
    hookswitch_event_to_commit_seconds_count: series.get('hookswitch_deliveries_appended_total'),
    'hookswitch_directory_entries{kind="domains"}': 3, 'hookswitch_delivery_slots{pool="ordinary"}': 64, hookswitch_ingest_buffered_notices_limit: 100_000,
    [`hookswitch_build_info{version="${version}",node="${process.versions.node}"}`]: 1,
  });
  expect(series.get('hookswitch_event_to_sent_seconds_count')).toBeGreaterThanOrEqual(webhooks);
  expect(series.get('hookswitch_database_connections{state="idle"}')! + series.get('hookswitch_database_connections{state="busy"}')!).toBeGreaterThan(0);
  expect([...series.keys()].join('\n')).not.toMatch(/example\.test|127\.0\.0\.1|[0-9a-f]{8}-[0-9a-f]{4}-/);
});

it('a link that is opened again is counted', async () => {
  flow.pbx.reset();
  const series = await scrapedOnce((now) => now.get('hookswitch_switch_link_ups_total{switch="switch"}') === 2);
  expect(series.get('hookswitch_switch_link_ends_total{switch="switch",reason="reset"}')).toBe(1);
});

it('others find the version of the daemon in the database', async () => {
  expect((await flow.database.pool.query('select name, version from daemon')).rows).toEqual([{ name: 'flow', version }]);
});

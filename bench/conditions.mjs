// Hookswitch when there is much of something, each beside the same without it.
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fullSpeed, latencies, percentile } from './measures.mjs';

const HANGING = 300;
/** As long as the names of the recorded tenants, so that a copy of a call is a few bytes overwritten. */
const MANY = Array.from({ length: 1_000 }, (_, number) => `${String(number).padStart(4, '0')}.bench.tst`);

/** Speed and memory of a daemon, after what `prepare` did to the stage and `open` to the daemon; `undo` takes that back. */
async function speedUnder(stage, { webhooks, warmUp }, { prepare = () => {}, open = () => {}, undo = () => {}, daemons = 1 } = {}) {
  await prepare();
  const running = [];
  try {
    for (let nth = 1; nth <= daemons; nth += 1) running.push(await stage.start('hookswitch', { daemon: `bench-${nth}` }));
    await open();
    await fullSpeed(stage, running, warmUp);
    return await fullSpeed(stage, running, webhooks);
  } finally {
    for (const one of running) await one.stop();
    await undo();
  }
}

/** A share of the speed without, and the memory with. */
const beside = (name, harden) => ({
  name,
  async measure(stage, size) {
    const without = await speedUnder(stage, size);
    const { webhooksPerSecond, residentMb } = await speedUnder(stage, size, harden(stage, size));
    return { webhooksPerSecond, ofWithout: webhooksPerSecond / without.webhooksPerSecond, residentMb };
  },
});

const LATE = 'late.example.test';
/** A statement may take half a minute. */
const ROWS_AT_ONCE = 100_000;

/** Rows of a tenant whose receiver cannot be reached: due, and put off by its breaker. */
const backlog = (stage, rows) => async () => {
  await stage.subscribe(LATE, 'http://127.0.0.1:9/backlog');
  for (let from = 1; from <= rows; from += ROWS_AT_ONCE) {
    await stage.pool.query(
      `insert into delivery (id, lane, url_key, url, subscription_id, domain_uuid, event, flow_id, call_id, day, position, sequence, body, occurred_at, state, attempt, due_at)
       select gen_random_uuid(), n, 4711, callback_url, event_domain_uuid, domain_uuid, 'cdr', 'flow ' || n, 'flow ' || n, (now() at time zone 'UTC')::date, 1, 1, repeat('x', 400), now(), 'pending', 0, now()
         from generate_series($1::int, $2::int) n cross join event_domain join domain using (domain_uuid) where domain.domain_name = $3 and event_name = 'cdr'`, [from, Math.min(rows, from + ROWS_AT_ONCE - 1), LATE]);
  }
  await stage.pool.query('vacuum analyze delivery');
};

const withoutBacklog = (stage) => async () => {
  await stage.pool.query('delete from delivery where url_key = 4711');
  await stage.pool.query('delete from domain where domain_name = $1', [LATE]);
  await stage.pool.query('vacuum analyze delivery');
};

export const CONDITIONS = [
  beside('a backlog of 1,000,000', (stage, { scale }) => ({ prepare: backlog(stage, 1_000_000 * scale), undo: withoutBacklog(stage) })),
  beside('100,000 subscriptions', (stage, { scale }) => ({
    async prepare() {
      await stage.pool.query(`insert into domain (domain_name) select 'many-' || n || '.example.test' from generate_series(1, $1::int) n`, [25_000 * scale]);
      await stage.pool.query(
        `insert into event_domain (domain_uuid, event_name, callback_url)
         select domain_uuid, event, 'https://' || domain_name || '/hook' from domain cross join unnest(array['ringing', 'answered', 'hangup', 'cdr']) event where domain_name like 'many-%'`);
    },
    async undo() { await stage.pool.query(`delete from domain where domain_name like 'many-%'`); },
  })),
  beside('10,000 open flows', (stage, { scale }) => ({ open: () => stage.player.ask('begun', { calls: 10_000 * scale }) })),
  { name: 'two daemons', measure: (stage, size) => speedUnder(stage, size, { daemons: 2 }) },
  { name: 'four daemons', measure: (stage, size) => speedUnder(stage, size, { daemons: 4 }) },
  { name: '1,000 URLs of which 300 hang', measure: fairness },
  { name: 'after an outage of the receiver', measure: drain },
];

/** What the 700 others get, before and while the rest of the receivers take POSTs and never answer. */
async function fairness(stage, { webhooks, warmUp, seconds }) {
  const hanging = MANY.filter((_, index) => index * HANGING % MANY.length < HANGING);
  const well = MANY.filter((name) => !hanging.includes(name));
  for (const name of MANY) await stage.subscribe(name, `http://127.0.0.1:${stage.receiver.port}/${name}`);
  const daemon = await stage.start('hookswitch', { daemon: 'bench-1' });
  const figuresWith = async (unheard) => {
    await stage.player.ask('tenants', { names: well });
    await fullSpeed(stage, [daemon], warmUp);
    const { webhooksPerSecond } = await fullSpeed(stage, [daemon], webhooks);
    await stage.player.ask('tenants', { names: MANY, unheard });
    const waits = await latencies(stage, { perSecond: 200, seconds });
    return { webhooksPerSecond, p50: percentile(waits, 0.5), p99: percentile(waits, 0.99) };
  };
  try {
    return await daemon.during((async () => {
      const before = await figuresWith([]);
      await stage.receiver.ask('behave', { hang: hanging.map((name) => `/${name}`) });
      await stage.player.ask('tenants', { names: hanging, unheard: hanging });
      await stage.player.ask('calls', { calls: hanging.length * 2 });
      const during = await figuresWith(hanging);
      return { ...during, ofWithout: during.webhooksPerSecond / before.webhooksPerSecond, p50Without: before.p50, p99Without: before.p99 };
    })());
  } finally {
    await stage.receiver.ask('behave', {});
    await daemon.stop();
    await stage.player.ask('tenants');
    await stage.pool.query(`delete from domain where domain_name like '%.bench.tst'`);
    await stage.pool.query(`delete from delivery where url like '%.bench.tst' and settled_at is null`);
  }
}

/** A probe every second, for how soon a breaker looks again is not the question here. */
const PROBING = { delivery: { breaker: { firstProbeMs: 1_000, lastProbeMs: 1_000 } } };

/** How fast what waited is delivered once the receiver is back, from the first webhook that it takes. */
async function drain(stage, { webhooks, warmUp }) {
  const config = join(stage.folder, 'probing.json');
  await writeFile(config, JSON.stringify(PROBING));
  const daemon = await stage.start('hookswitch', { more: { HOOKSWITCH_CONFIG: config } });
  try {
    await fullSpeed(stage, [daemon], warmUp);
    return await daemon.during((async () => {
      await stage.receiver.ask('expect', { count: Infinity, note: false });
      await stage.receiver.ask('behave', { well: false });
      await stage.player.ask('begin');
      const { webhooks: owed } = await stage.player.ask('calls', { calls: Math.ceil(webhooks / 4) });
      await stage.receiver.ask('until', { count: owed });
      const [first, complete] = [stage.receiver.said('first'), stage.receiver.said('complete')];
      await stage.receiver.ask('behave', {});
      const startedAtMs = (await first).atMs;
      const { atMs } = await complete;
      return { webhooks: owed, webhooksPerSecond: owed / (atMs - startedAtMs) * 1_000 };
    })());
  } finally {
    await daemon.stop();
  }
}

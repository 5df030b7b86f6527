// Hookswitch when there is much of something, each beside the same without it.
import { randomUUID } from 'node:crypto';
import { fullSpeed } from './measures.mjs';

/** Speed and memory of a daemon, after what `prepare` did to the stage and to the daemon; `undo` takes that back. */
async function speedUnder(stage, { webhooks, warmUp }, { prepare = () => {}, open = () => {}, undo = () => {}, daemons = 1, more = {} } = {}) {
  await prepare();
  const running = [];
  try {
    for (let nth = 1; nth <= daemons; nth += 1) running.push(await stage.start('hookswitch', { daemon: `bench-${nth}`, more }));
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

const clear = (stage) => async () => { await stage.pool.query(`delete from delivery where url like 'http://127.0.0.1:9/%'`); };

/** Rows for a receiver that cannot be reached, due long ago. */
const backlog = (stage, rows) => async () => {
  await stage.pool.query(
    `insert into delivery (id, lane, url_key, url, subscription_id, domain_uuid, event, flow_id, call_id, position, sequence, body, occurred_at, state, attempt, due_at)
     select gen_random_uuid(), n, 4711, 'http://127.0.0.1:9/backlog', $2::uuid, $2::uuid, 'cdr', 'flow ' || n, 'flow ' || n, 1, 1, repeat('x', 400), now(), 'pending', 0, now() + interval '1 hour'
       from generate_series(1, $1::int) n`, [rows, randomUUID()]);
  await stage.pool.query('vacuum analyze delivery');
};

export const CONDITIONS = [
  beside('a backlog of 1,000,000', (stage, { scale }) => ({ prepare: backlog(stage, 1_000_000 * scale), undo: clear(stage) })),
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
  { name: 'after an outage of the receiver', measure: drain },
];

/** How fast what waited is delivered once the receiver is back. */
async function drain(stage, { webhooks, warmUp }) {
  const daemon = await stage.start('hookswitch', { more: { HOOKSWITCH_RETRY_MS: Array(100).fill(1_000).join(',') } });
  try {
    await fullSpeed(stage, [daemon], warmUp);
    return await daemon.during((async () => {
      await stage.receiver.ask('expect', { count: Infinity, note: false });
      await stage.receiver.ask('behave', { well: false });
      await stage.player.ask('begin');
      const { webhooks: owed } = await stage.player.ask('stream', { events: webhooks * 4, unpaced: true });
      await stage.receiver.ask('until', { count: owed });
      const complete = stage.receiver.said('complete');
      const startedAtMs = performance.timeOrigin + performance.now();
      await stage.receiver.ask('behave', { well: true });
      const { atMs } = await complete;
      return { webhooks: owed, webhooksPerSecond: owed / (atMs - startedAtMs) * 1_000 };
    })());
  } finally {
    await daemon.stop();
  }
}

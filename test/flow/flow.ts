import { EventEmitter, once } from 'node:events';
import type { Payload } from '../../src/calls/notice.js';
import type { Recording } from '../../src/esl/recording.js';
import { eventFrame } from '../../src/esl/wire.js';
import { renew } from '../../src/esl/renew.js';
import { listen } from '../../src/db/listen.js';
import type { Pool } from '../../src/db/pool.js';
import { startDaemon, subscribe, type DaemonProcess } from '../support/daemon.js';
import { goldensOf, TENANTS } from '../support/goldens.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { startReceiver, type Post } from '../support/receiver.js';
import { fixtureRecording } from '../support/recording.js';
import { startSwitch } from '../support/switch.js';

/** A call made new, and the bodies that its tenants must receive, by its flows. */
export interface NewCall { recording: Recording; expected: Record<string, Payload[]> }

/** A recorded call as a new one: played twice it is two calls, each with webhooks of its own. */
export async function newCall(name: string): Promise<NewCall> {
  const { recording, uuids } = renew(await fixtureRecording(name));
  const expected: Record<string, Payload[]> = {};
  for (const { flow, payload } of await goldensOf(name)) {
    const text = [...uuids].reduce((body, [old, fresh]) => body.replaceAll(old, fresh), JSON.stringify(payload));
    (expected[uuids.get(flow)!] ??= []).push(JSON.parse(text) as Payload);
  }
  return { recording, expected };
}

export const countOf = (calls: readonly NewCall[]) => calls.flatMap(({ expected }) => Object.values(expected).flat()).length;

/** What was received, by the flow that each webhook belongs to (a leg with an id of its own is found by the expectations). */
export function received(posts: readonly Post[], calls: readonly NewCall[]): Record<string, Payload[]> {
  const flowOf = new Map(calls.flatMap(({ expected }) => Object.entries(expected).flatMap(([flow, payloads]) => payloads.map((payload) => [keyOf(payload), flow] as const))));
  const flows: Record<string, Payload[]> = {};
  for (const { body } of posts) {
    const payload = JSON.parse(body) as Payload;
    (flows[flowOf.get(keyOf(payload)) ?? 'unexpected'] ??= []).push(payload);
  }
  return flows;
}

const keyOf = ({ call_id, state, sip_call_id }: Payload) => `${call_id} ${state} ${sip_call_id}`;

export const expectedOf = (calls: readonly NewCall[]): Record<string, Payload[]> => Object.assign({}, ...calls.map(({ expected }) => expected)) as Record<string, Payload[]>;

const WITNESS = 'witness.example.test';

function withTenant(frame: Buffer, domain: string): Buffer {
  return eventFrame(frame.toString('utf8', frame.indexOf('\n\n') + 2).replaceAll('a.example.test', domain));
}

async function recorded({ url, pool }: TestDatabase, count: number): Promise<void> {
  await pool.query(`create or replace function tell_settled() returns trigger language plpgsql as $$ begin perform pg_notify('settled', ''); return null; end $$`);
  await pool.query('create or replace trigger tell_settled after update on delivery for each statement execute function tell_settled()');
  const told = new EventEmitter();
  const listener = await listen(url, 'settled', () => told.emit('settled'));
  for (let next = once(told, 'settled'); await taken(pool) < count; next = once(told, 'settled')) await next;
  await listener.close();
}

async function taken(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(`select count(*) from delivery where state = 'delivered'`);
  return rows[0]!.count;
}

/** A switch, a receiver, a database with both tenants subscribed to everything, and the daemon between them. */
export async function start(env: Record<string, string> = {}) {
  const [database, receiver, pbx] = [await createDatabase(), await startReceiver(), await startSwitch()];
  for (const tenant of TENANTS) await subscribe(database.pool, tenant, receiver.url);
  const witness = await startReceiver();
  await subscribe(database.pool, WITNESS, witness.url, ['cdr']);
  const settings = { DATABASE_URL: database.url, HOOKSWITCH_SWITCH_PORT: String(pbx.port), HOOKSWITCH_NAME: 'flow', ...env };
  let daemon: DaemonProcess = await startDaemon(settings);
  await pbx.subscribed(1);
  return {
    database, receiver, pbx,
    get daemon() { return daemon; },
    /** Everything that the switch said before is committed once the cdr of a later call, of a tenant apart, has been delivered. */
    async committed() {
      const before = witness.posts.length;
      const { recording } = await newCall('calls/15-local-call');
      const events = recording.events.map((event) => ({ ...event, frame: withTenant(event.frame, WITNESS) }));
      await pbx.replay.play({ events }, { pace: 'full' });
      await witness.received(before + 1);
    },
    /** Resolves when so many webhooks are recorded as taken, those to the witness among them: none of these comes again after a kill. */
    recorded: (count: number) => recorded(database, count),
    /** A second life, with the same settings and any further ones. */
    async restart(more: Record<string, string> = {}) {
      const before = pbx.replay.subscriptions.count;
      daemon = await startDaemon({ ...settings, ...more });
      await pbx.subscribed(before + 1);
    },
    async stop() {
      await daemon.stop('SIGKILL');
      await Promise.all([pbx.close(), receiver.close(), witness.close()]);
      await database.drop();
    },
  };
}

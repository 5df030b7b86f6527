import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '../../src/db/migrate.js';
import { createPool } from '../../src/db/pool.js';
import { startDaemon, subscribe, type DaemonProcess } from '../support/daemon.js';
import { silentLog } from '../support/silent-log.js';
import { startSwitch } from '../support/switch.js';
import { TENANTS, tenantOf } from './call.js';
import { Hearing } from './hearing.js';
import { FOLDER, type Leftovers } from './leftovers.js';
import { startPostgres } from './postgres.js';
import { startReceiver, type Post } from './receiver.js';

export interface StageOptions {
  /** The daemons' names; one by default. */
  daemons?: readonly string[];
  /** Settings that have no variable, as in the file of HOOKSWITCH_CONFIG. */
  config?: object;
  env?: Readonly<Record<string, string>>;
  postgres?: Readonly<Record<string, string>>;
  /** How many; eight by default. */
  tenants?: number;
  /** Where the callbacks of one tenant go instead. */
  astray?: { tenant: string; url: string };
  /** Puts a small file system under the database; rejects where the machine does not allow it. */
  disk?: (folder: string) => Promise<void>;
}

export interface Witness { onPost(post: Post): void; onAccepted(number: number): void }

export type Stage = Awaited<ReturnType<typeof openStage>>;

/** Quick, and for five minutes: longer than any harm here lasts. */
const RETRIES = Array.from({ length: 1_200 }, () => 250).join(',');

/** A switch, a database, a receiver and the daemons between them: each a thing of its own, that can be hurt on its own. */
export async function openStage(options: StageOptions, seed: string, witness: Witness, leftovers: Leftovers) {
  const folder = await mkdtemp(join(tmpdir(), `${FOLDER}${process.pid}-`));
  const close = leftovers.own(folder);
  await options.disk?.(join(folder, 'postgres'));
  const [postgres, receiver, pbx] = await Promise.all([startPostgres(join(folder, 'postgres'), options.postgres), startReceiver(seed, witness), startSwitch()]);
  const hearing = new Hearing(pbx.replay);
  await migrate(postgres.url, silentLog);
  const pool = createPool({ url: postgres.url, max: 2 }, silentLog);
  for (const tenant of Array.from({ length: options.tenants ?? TENANTS }, (_, number) => tenantOf(number))) await subscribe(pool, tenant, options.astray?.tenant === tenant ? options.astray.url : `${receiver.url}/${tenant}`);
  await writeFile(join(folder, 'config.json'), JSON.stringify(options.config ?? {}));

  const daemons = new Map<string, DaemonProcess>();
  /** A process under this name. Resolves when it listens to the switch. */
  async function start(name: string): Promise<DaemonProcess> {
    if (leftovers.isClosing) throw new Error('The run is being given up');
    const daemon = await startDaemon({
      DATABASE_URL: postgres.url, HOOKSWITCH_SWITCH_PORT: String(pbx.port), HOOKSWITCH_NAME: name, HOOKSWITCH_DATA_DIR: join(folder, name),
      HOOKSWITCH_CONFIG: join(folder, 'config.json'), HOOKSWITCH_RETRY_MS: RETRIES, ...options.env,
    });
    daemons.set(name, daemon);
    await daemon.said('link to the switch is up');
    return daemon;
  }
  const names = options.daemons ?? ['daemon'];
  for (const name of names) await start(name);

  return {
    folder, postgres, receiver, pbx, hearing, pool, start, names,
    daemon: (name = names[0]!) => daemons.get(name)!,
    /** How many webhooks are neither delivered nor given up. */
    async unsettled(): Promise<number> {
      const { rows } = await pool.query<{ count: number }>('select count(*)::int as count from delivery where settled_at is null');
      return rows[0]!.count;
    },
    /** Those webhooks, and what became of them so far. */
    async leftInOutbox(): Promise<string[]> {
      const { rows } = await pool.query<{ text: string }>(
        `select concat_ws(' ', state, event, call_id, 'attempt', attempt, 'created', created_at, 'due', due_at, last_reason) as text
           from delivery where settled_at is null order by flow_id, position`);
      return rows.map(({ text }) => text);
    },
    /** The flow of each webhook, by its id. */
    async flows(): Promise<Map<string, string>> {
      const { rows } = await pool.query<{ id: string; flow: string }>('select id, flow_id as flow from delivery');
      return new Map(rows.map(({ id, flow }) => [id, flow]));
    },
    /** Ends everything, however it was left. */
    async close() {
      await pool.end().catch(() => {});
      await Promise.all([...daemons.values()].map((daemon) => daemon.stop('SIGKILL')));
      await Promise.all([receiver.stop(), pbx.close()]);
      await close();
    },
  };
}

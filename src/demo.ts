import { randomBytes, randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CALL_STATES, type NoticeState } from './calls/notice.js';
import { withDatabase } from './cli/database.js';
import { systemClock, type Clock } from './clock.js';
import { loadConfig, type Config } from './config.js';
import type { Queryable } from './db/pool.js';
import { createSealedSubscriptions, type SealedSubscriptions } from './db/sealed-subscriptions.js';
import { addDomain } from './db/tenants.js';
import { newCall } from './demo/call.js';
import { playAll, type Scheduled } from './demo/play.js';
import { PROGRAMME } from './demo/programme.js';
import { startReceivers, type Receiver } from './demo/receivers.js';
import { Tally, type Outcome } from './demo/tally.js';
import { ReplayedSwitch } from './esl/replay.js';
import type { Logger } from './log.js';
import { startDaemon } from './main.js';
import { newKey, vaultOf } from './seal.js';

export interface DemoOptions {
  /** `real`: as the calls were recorded, 40 s; `full`: as fast as it goes. */
  readonly pace: 'real' | 'full';
  /** Set by the operator, or undefined. */
  readonly logLevel: string | undefined;
}

export interface DemoDeps {
  /** Makes the daemon's log from the demo's own configuration. */
  logger: (config: Config) => Logger;
  /** Shows one line; `tone` says what it is about, for a terminal with colours. */
  show: (line: string, tone: Tone) => void;
}

export type Tone = 'plain' | 'call' | NoticeState;

/** How the demo went, and how many calls it played. */
export interface DemoOutcome extends Outcome { readonly calls: number }

const TENANTS = ['a.example.test', 'b.example.test'];

/** For what should take a moment: the daemon's login at the switch, the webhooks after the last event. */
const PATIENCE_MS = 15_000;
const STOP_MS = 5_000;

/** All that the calls are played with. */
interface Stage { clock: Clock; pbx: ReplayedSwitch; programme: readonly Scheduled[]; tally: Tally; show: DemoDeps['show'] }

/**
 * The whole path on one machine: a replayed switch, the daemon with a Postgres of its own, two tenants' receivers. Nothing is
 * configured, and nothing of a running daemon is touched: all ports are free ones, and what is kept lies in a temporary folder.
 *
 * Resolves with what came of what was expected, or undefined where `stopping` ended it early. However it ends, everything is
 * stopped and removed again. @throws ConfigError for a log level that is none.
 */
export async function playDemo({ pace, logLevel }: DemoOptions, { logger, show }: DemoDeps, stopping: AbortSignal): Promise<DemoOutcome | undefined> {
  const clock = systemClock;
  const programme = await Promise.all(PROGRAMME.map(async ({ recording, ...item }) => ({ ...item, call: await newCall(recording) })));
  const tally = new Tally(programme.flatMap(({ call }) => call.expected));
  const password = randomBytes(24).toString('base64url');
  const pbx = new ReplayedSwitch({ clock, password, coreId: randomUUID() });
  const receivers = await startReceivers(TENANTS, ({ payload }, line) => {
    const latencyMs = tally.received(payload, clock.monotonicMs());
    show(`  ${line}  ${latencyMs === undefined ? 'not expected' : `${latencyMs.toFixed(0)} ms`}`, payload.state);
  });
  try {
    const port = await pbx.listen();
    await inTemporaryFolder(async (folder) => {
      const config = configure({ folder, password, port, logLevel });
      const log = logger(config);
      await withDatabase(config, log, async ({ db }) => {
        const subscriptions = createSealedSubscriptions(db, vaultOf(config.encryption.keys));
        for (const receiver of receivers) await subscribe(db, subscriptions, receiver);
        const daemon = await startDaemon(config, log, stopping);
        try {
          await perform({ clock, pbx, programme, tally, show }, pace, stopping);
        } finally {
          await daemon.stop(AbortSignal.timeout(STOP_MS));
        }
      });
    });
  } finally {
    for (const receiver of receivers) receiver.close();
    await pbx.close();
  }
  return stopping.aborted ? undefined : { calls: programme.length, ...tally.outcome() };
}

/** From the daemon's login at the switch to the last webhook. */
async function perform({ clock, pbx, programme, tally, show }: Stage, pace: DemoOptions['pace'], stopping: AbortSignal): Promise<void> {
  const loggedIn = new AbortController();
  void pbx.subscriptions.wait(1).then(() => { loggedIn.abort(); });
  await clock.sleep(PATIENCE_MS, AbortSignal.any([loggedIn.signal, stopping]));
  if (pbx.subscriptions.count === 0 && !stopping.aborted) throw new Error('The daemon has not logged in at the replayed switch');

  const onBegin = (says: string) => show(`${says}.`, 'call');
  const onWrite = (event: string) => tally.written(event, clock.monotonicMs());
  await playAll(programme, { pbx, clock, pace, onBegin, onWrite }, stopping);
  await clock.sleep(PATIENCE_MS, AbortSignal.any([tally.complete, stopping]));
}

async function inTemporaryFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'hookswitch-demo-'));
  try {
    await chmod(folder, 0o711); // where we are root, Postgres runs as another user, who must get through to its own folder in there
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The shipped defaults and what the demo needs, and nothing from the environment: a broken or a real configuration has no say here. */
function configure({ folder, password, port, logLevel = 'warn' }: { folder: string; password: string; port: number; logLevel: string | undefined }): Config {
  return loadConfig({
    env: {
      HOOKSWITCH_NAME: 'demo', HOOKSWITCH_DATA_DIR: folder, HOOKSWITCH_HTTP_PORT: '0', HOOKSWITCH_ALLOW_ADDRESSES: '127.0.0.0/8', HOOKSWITCH_LOG_LEVEL: logLevel,
      HOOKSWITCH_SWITCH_NAME: 'replayed', HOOKSWITCH_SWITCH_HOST: '127.0.0.1', HOOKSWITCH_SWITCH_PORT: String(port), HOOKSWITCH_SWITCH_PASSWORD: password,
      HOOKSWITCH_ENCRYPTION_KEYS: newKey(),
      HOOKSWITCH_TIME_ZONE: 'UTC', HOOKSWITCH_RECORDING_URL: 'https://rec.example.test/{domain}/{file}', // as the recordings' webhooks were noted
    },
  });
}

async function subscribe(db: Queryable, subscriptions: SealedSubscriptions, receiver: Receiver): Promise<void> {
  const { domain, url, key } = receiver;
  const { domain: { id } } = await addDomain(db, domain);
  for (const event of CALL_STATES) await subscriptions.upsert(id, event, url, key);
  const secret = await subscriptions.secretOf({ domainId: id, url });
  if (secret?.kind === 'opened') receiver.expect(secret.secret);
}

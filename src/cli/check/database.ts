import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../clock.js';
import type { Config } from '../../config.js';
import { openEmbedded } from '../../db/embedded.js';
import { inspectDatabase, type Inspection } from '../../db/inspect.js';
import { OLDEST_VERSION, serverOf } from '../../db/pool.js';
import type { Logger } from '../../log.js';
import { within } from './bounded.js';
import { CLOCK_TOLERANCE_MS, clockSays, failed, ok, warning, type Finding } from './finding.js';

const DEADLINE_MS = 10_000;

// A cluster that crashed has its log to replay first.
const EMBEDDED_MS = 30_000;

/** The daemon's pool, its connection to listen on, and one for a command beside it. */
const BESIDE_POOL = 2;

/** What the database is like, and where the webhooks of enabled subscriptions go; changes nothing in it. */
export async function checkDatabase(config: Config, clock: Clock, log: Logger): Promise<{ findings: Finding[]; urls: readonly string[] }> {
  const { url, poolSize } = config.database;
  if (url !== '') return judge(await inspectDatabase(url, { clock, deadlineMs: DEADLINE_MS }), `Postgres at ${serverOf(url)}`, poolSize);
  const folder = join(config.dataDir, 'postgres');
  if (!await access(join(folder, 'data')).then(() => true, () => false)) {
    return { findings: [ok('database-reach', `an embedded Postgres will be made in ${folder} by the first start of the daemon or of a command`)], urls: [] };
  }
  return checkEmbedded(folder, poolSize, clock, log);
}

/** Joins the embedded Postgres as any command does, or starts it for the moment. */
async function checkEmbedded(folder: string, poolSize: number, clock: Clock, log: Logger): Promise<{ findings: Finding[]; urls: readonly string[] }> {
  const opening = openEmbedded({ folder, log, clock }).then((postgres) => ({ kind: 'open' as const, postgres }), (error: unknown) => ({ kind: 'failed' as const, reason: error instanceof Error ? error.message : String(error) }));
  const opened = await within(opening, EMBEDDED_MS, clock);
  if (opened === undefined) {
    void opening.then((late) => { if (late.kind === 'open') void late.postgres.stop(); });
    return { findings: [failed('database-reach', `the embedded Postgres in ${folder} is not up within ${EMBEDDED_MS / 1_000} s`)], urls: [] };
  }
  if (opened.kind === 'failed') return { findings: [failed('database-reach', `the embedded Postgres in ${folder} cannot be used: ${opened.reason}`)], urls: [] };
  try {
    return judge(await inspectDatabase(opened.postgres.url, { clock, deadlineMs: DEADLINE_MS }), `the embedded Postgres in ${folder}`, poolSize);
  } finally {
    await opened.postgres.stop();
  }
}

function judge(inspection: Inspection, server: string, poolSize: number): { findings: Finding[]; urls: readonly string[] } {
  if (inspection.kind === 'away') return { findings: [failed('database-reach', `${server} does not let us in: ${inspection.code}`)], urls: [] };
  const { version, versionNumber, mayWrite, readOnly, aheadMs, urls } = inspection;
  const isOld = versionNumber < OLDEST_VERSION * 10_000;
  const rights = readOnly ? failed('database-rights', 'it can only be read: a standby, or set so')
    : mayWrite ? ok('database-rights', 'tables can be made and written') : failed('database-rights', 'the user may not make tables in the schema public, or not use those there are');
  const findings = [
    ok('database-reach', `${server} lets us in`),
    isOld ? failed('database-version', `it is version ${version}`) : ok('database-version', `it is version ${version}`),
    rights,
    judgeMigrations(inspection.migrations),
    (Math.abs(aheadMs) > CLOCK_TOLERANCE_MS ? warning : ok)('database-clock', clockSays('its clock', aheadMs)),
    judgeConnections(inspection.connections, poolSize + BESIDE_POOL),
  ];
  return { findings, urls };
}

function judgeMigrations({ pending, unknown }: { pending: readonly string[]; unknown: readonly string[] }): Finding {
  if (unknown.length > 0) return failed('database-migrations', `it is ahead of this build: it has seen ${unknown.join(', ')}`);
  return pending.length > 0 ? warning('database-migrations', `it is behind this build: ${pending.join(', ')} will be applied`) : ok('database-migrations', 'it is up to date with this build');
}

function judgeConnections({ most, used }: { most: number; used: number }, wanted: number): Finding {
  const says = `a daemon uses up to ${wanted} connections; Postgres has ${most}, of which ${used} are in use`;
  if (wanted > most) return failed('database-connections', says);
  return (wanted > most - used ? warning : ok)('database-connections', says);
}

import type { Clock } from '../clock.js';
import { forgetOpenFlows, loadOpenFlows, loadOthersFlows, type OpenFlow } from '../db/open-flows.js';
import { codeOf, type Queryable } from '../db/pool.js';
import { heard, lastHeard } from '../db/switch-heard.js';
import type { Service } from '../lifecycle.js';
import type { Logger } from '../log.js';
import type { Ingest } from './ingest.js';
import type { Reconciler } from './reconciler.js';

export interface MemoryDeps {
  db: Queryable;
  /** This daemon's name: its records are its own. */
  owner: string;
  /** A daemon silent for so long is dead. */
  silentMs: number;
  ingest: Ingest;
  /** By switch. */
  reconcilers: ReadonlyMap<string, Reconciler>;
  /** Resolves when what an earlier process could not commit is committed: records of flows are among it. */
  committed: () => Promise<void>;
  clock: Clock;
  log: Logger;
}

const BEAT_MS = 2_000;
/** Flows taken over at once: meanwhile no event is read. */
const PAGE = 200;

export interface Memory extends Service {
  /** Takes over what other daemons, living or dead, know of calls on this run of a switch. Rejects when the database is away. */
  inherit(switchName: string, coreId: string): Promise<void>;
}

/**
 * What outlives the process: at start the flows that were open when the last one ended, and until when it heard each switch;
 * later a note of the latter every two seconds, so that what has ended meanwhile is given the right end.
 */
export function createMemory(deps: MemoryDeps): Memory {
  const { db, owner, ingest, reconcilers, clock, log } = deps;
  const stopping = new AbortController();
  /** Flows taken over from other daemons, whose records are to go once they have ended. */
  const foreign = new Map<string, Set<string>>();
  let loop: Promise<void> | undefined;

  async function recall(switchName: string, reconciler: Reconciler): Promise<void> {
    takeUp(switchName, await loadOpenFlows(db, owner, switchName));
    const last = await lastHeard(db, owner, switchName);
    if (last) reconciler.resume(last.coreId, last.heardAt.getTime() * 1_000);
  }

  async function inherit(switchName: string, coreId: string): Promise<void> {
    const known = foreign.get(switchName) ?? new Set();
    foreign.set(switchName, known);
    for (let after = '', full = true; full;) {
      const flows = await loadOthersFlows(db, { owner, coreId, after }, PAGE);
      takeUp(switchName, flows);
      for (const { flowId } of flows) known.add(flowId);
      after = flows.at(-1)?.flowId ?? '';
      full = flows.length === PAGE;
    }
  }

  function takeUp(switchName: string, flows: readonly OpenFlow[]): void {
    const { calls } = ingest.heardOf(switchName);
    const restored = flows.filter(({ state }) => calls.restore(state, clock.monotonicMs()));
    if (restored.length > 0) log.info('calls taken up where they were left', { switch: switchName, calls: restored.length });
  }

  async function beat(switchName: string, reconciler: Reconciler): Promise<void> {
    const coreId = reconciler.heardCoreId();
    if (coreId !== undefined) await heard(db, owner, switchName, coreId);
    const ended = [...(foreign.get(switchName) ?? [])].filter((flowId) => !ingest.heardOf(switchName).calls.isOpen(flowId));
    if (ended.length === 0) return;
    await forgetOpenFlows(db, { owner, flowIds: ended, silentMs: deps.silentMs });
    for (const flowId of ended) foreign.get(switchName)?.delete(flowId);
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await clock.sleep(BEAT_MS, stopping.signal);
      // A missed beat costs precision only; the writer says already that Postgres is away.
      for (const [name, reconciler] of reconcilers) await beat(name, reconciler).catch((error: unknown) => { log.debug('beat missed', { switch: name, code: codeOf(error) }); });
    }
  }

  return {
    name: 'memory', inherit,
    async start() {
      await deps.committed();
      for (const [name, reconciler] of reconcilers) await recall(name, reconciler);
      loop ??= run();
    },
    async stop() { stopping.abort(); await loop; },
  };
}

/** Plays every scenario, or those named by `--only`, and ends with 1 where one of them failed. `--short`, `--seed TEXT`, `--only NAME`, `--jobs N`. */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { aborted, systemClock } from '../../src/clock.js';
import type { Line } from '../support/daemon.js';
import { chanceOf } from './chance.js';
import { Leftovers } from './leftovers.js';
import { Player } from './player.js';
import { lineOf, table, type Outcome } from './report.js';
import type { Form, Scenario } from './scenario.js';
import { SCENARIOS } from './scenarios.js';
import { readScores, type Score } from './score.js';
import { openStage } from './stage.js';
import { Tally } from './tally.js';
import { timetableOf, type Load } from './timetable.js';

const LOADS: Record<Form, Load> = {
  full: { calls: 2_000, perSecond: 50, speed: 1, lasting: [0, Infinity] },
  short: { calls: 300, perSecond: 50, speed: 3, lasting: [0, Infinity] },
};
/** How long what is owed may take after the last event and the last mending. */
const PATIENCE_MS: Record<Form, number> = { full: 60_000, short: 20_000 };
/** How often the outbox is looked at for what is still to be settled. */
const LOOK_MS = 200;
/** POSTs that can be in hand when a process dies: delivery.concurrency. */
const IN_HAND = 64;
const LOGS = fileURLToPath(new URL('../../var/faults', import.meta.url));

const { values: { short = false, seed = randomBytes(4).toString('hex'), only, jobs } } = parseArgs({
  options: { short: { type: 'boolean' }, seed: { type: 'string' }, only: { type: 'string' }, jobs: { type: 'string', default: '3' } },
});
const form: Form = short ? 'short' : 'full';
const leftovers = new Leftovers();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { void leftovers.clearAll().finally(() => process.exit(130)); });

await leftovers.clearOrphans();
console.log(`seed ${seed}, ${form} form`);
const chosen = SCENARIOS.filter(({ name }) => only === undefined || name.includes(only));
const scores = await readScores();
const outcomes: Outcome[] = [];
await playAll(chosen.filter(({ alone }) => !alone), Number(jobs));
await playAll(chosen.filter(({ alone }) => alone), 1);
console.log(table(outcomes));
console.log(`seed ${seed}`);
if (chosen.length === 0 || outcomes.some(({ kind }) => kind === 'failed')) process.exitCode = 1;

/** So many side by side. What the daemons of a failed one said is left in var/faults. */
async function playAll(scenarios: readonly Scenario[], sideBySide: number): Promise<void> {
  const waiting = [...scenarios];
  await Promise.all(Array.from({ length: sideBySide }, async () => {
    for (let scenario = waiting.shift(); scenario !== undefined; scenario = waiting.shift()) {
      const outcome = await outcomeOf(scenario);
      outcomes.push(outcome);
      console.log(lineOf(outcome));
      if (outcome.kind === 'failed') await keepLog(outcome.name, outcome.log ?? []);
    }
  }));
}

async function keepLog(name: string, lines: readonly Line[]): Promise<void> {
  await mkdir(LOGS, { recursive: true });
  await writeFile(join(LOGS, `${name.replaceAll(/\W+/g, '-')}.jsonl`), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

async function outcomeOf(scenario: Scenario): Promise<Outcome> {
  const reason = await scenario.unable?.();
  if (reason !== undefined) return { name: scenario.name, kind: 'skipped', reason };
  try {
    return await play(scenario, scores);
  } catch (error) {
    return { name: scenario.name, kind: 'failed', problems: [error instanceof Error ? error.stack ?? error.message : String(error)] };
  }
}

/** Calls, harm, mending, and what came of it. */
async function play(scenario: Scenario, all: readonly Score[]): Promise<Outcome> {
  const ownSeed = `${seed} ${scenario.name}`;
  const chance = chanceOf(ownSeed);
  const witness = { onPost: (post: Parameters<Tally['post']>[0]) => tally.post(post), onAccepted: (number: number) => tally.accepted(number) };
  const stage = await openStage(scenario.stage?.(form) ?? {}, ownSeed, witness, leftovers);
  const timetable = timetableOf(all, { ...LOADS[form], ...scenario.load?.(form) }, chance, ownSeed);
  const leaveOut = new Set(scenario.leaveOut);
  const tally = new Tally(timetable.calls, (delayMs, path) => { if (scenario.late !== true && !leaveOut.has(path)) stage.hearing.delayed(delayMs); });
  const ending = new AbortController();
  try {
    const player = new Player(timetable, stage.pbx.replay);
    const scene = { stage, player, chance, form };
    const [, kills] = await Promise.all([player.play(ending.signal), scenario.hurt(scene)]);
    const patience = AbortSignal.any([ending.signal, AbortSignal.timeout(PATIENCE_MS[form])]);
    await Promise.race([tally.complete(stage.hearing, leaveOut), aborted(patience)]);
    // What was accepted while its daemon could not record it is sent again.
    while (leaveOut.size === 0 && await stage.unsettled() > 0 && !patience.aborted) await systemClock.sleep(LOOK_MS, patience);

    stage.hearing.end();
    const codes = await Promise.all(stage.names.map((name) => stage.daemon(name).stop('SIGTERM')));
    const count = tally.count({ hearing: stage.hearing, leaveOut, flows: await stage.flows() });
    const left = leaveOut.size > 0 ? [] : await stage.leftInOutbox();
    const tolerated = IN_HAND * (kills ?? 0);
    const problems = [
      ...codes.flatMap((code) => (code === 0 ? [] : [`a daemon ended with ${code}`])),
      ...(left.length > 0 ? [`${left.length} webhooks left in the outbox: ${left.slice(0, 5).join('; ')}`] : []),
      ...(count.lost + count.outOfOrder + count.strange > 0 || count.duplicated > tolerated ? count.examples : []),
      ...(await scenario.after?.(scene, tally) ?? []),
    ];
    return { name: scenario.name, kind: problems.length === 0 ? 'passed' : 'failed', count, problems, log: stage.names.flatMap((name) => stage.daemon(name).lines) };
  } finally {
    ending.abort();
    await stage.close();
  }
}

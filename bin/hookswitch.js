#!/usr/bin/env -S MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=32768 node --max-semi-space-size=8
// The flag above keeps the young generation small: what lives long here lives in Postgres. The variables have all threads take memory from
// one place, or each would keep its own, and give back at once what a burst of events has needed. Give all, too, when calling this file with node.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';

const { dependencies } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
// A machine's Node may be older than what everything here is tested on; then the one that the package brings along goes on.
const isTooOld = parseInt(process.versions.node, 10) < parseInt(dependencies.node, 10);
const pinned = isTooOld ? pinnedNode() : undefined;
if (pinned !== undefined) {
  const { takeOver } = await import('./take-over.js');
  process.exitCode = await takeOver(pinned, [...process.execArgv, ...process.argv.slice(1)]);
} else {
  // Little lives long here. Left alone, V8 would let several times that gather as garbage before it looks for any. The daemon goes on
  // from here by what it finds alive (src/memory-saver.ts).
  setFlagsFromString('--heap-growing-percent=20');
  // Under load V8 learns that objects of a POST live long, and puts the next ones among the old at once. There they wait for a full
  // collection, and keep the young ones that they refer to: measured, half of all that grew old, and a tenth of the CPU.
  setFlagsFromString('--no-allocation-site-pretenuring');
  // Names are resolved on libuv's threads, four unless told otherwise: a few dead name servers would hold up every webhook.
  process.env.UV_THREADPOOL_SIZE ??= '16';
  const { main } = await import('../dist/cli.js');
  // Not process.exit(): what is still on its way to a pipe would be cut.
  process.exitCode = await main(process.argv.slice(2), process);
}

/** Undefined where it was not installed, as in an image that has the right Node already, or where scripts may not run. */
function pinnedNode() {
  try {
    return createRequire(import.meta.url).resolve('node/bin/node');
  } catch {
    return undefined;
  }
}

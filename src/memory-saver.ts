import { constants, PerformanceObserver, type PerformanceEntry } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import type { Service } from './lifecycle.js';
import type { Logger } from './log.js';

/** What a process takes, in bytes: all of it, and the part that is its heap. */
export interface Footprint { readonly residentBytes: number; readonly heapBytes: number }

/** So much may lie idle. A share of the heap besides: as much comes and goes with each collection. */
const IDLE_BYTES = 32_000_000;
const IDLE_SHARE = 0.25;

/** So much garbage may gather before V8 looks for it again, in bytes, and of a small heap no more than this part. */
const [GARBAGE_BYTES, MOST_GARBAGE_PERCENT] = [16_000_000, 50];
/** Of a heap however large: to look through it costs by what is alive on it. */
const LEAST_GARBAGE_PERCENT = 15;

/** By which part a heap that is so large after a full collection may grow until the next one, in percent. */
export function growthPercent(liveBytes: number): number {
  return Math.max(LEAST_GARBAGE_PERCENT, Math.min(MOST_GARBAGE_PERCENT, Math.round(GARBAGE_BYTES / liveBytes * 100)));
}

/**
 * Decides after each full collection whether the next one shall give memory back. What is resident and not heap is the program, its
 * buffers, and pages that the heap has left; the latter are what has come on top since it was least, or since memory was last given back.
 */
export class IdleMemory {
  #leastBytes = Infinity;
  #isSaving = false;

  isToSave({ residentBytes, heapBytes }: Footprint): boolean {
    const besideBytes = residentBytes - heapBytes;
    this.#leastBytes = this.#isSaving ? besideBytes : Math.min(this.#leastBytes, besideBytes);
    this.#isSaving = !this.#isSaving && besideBytes - this.#leastBytes > Math.max(IDLE_BYTES, heapBytes * IDLE_SHARE);
    return this.#isSaving;
  }
}

/**
 * Keeps garbage small, however much is alive: half of the heap would be 45 MB with 100,000 subscriptions. And gives memory back after a
 * burst. V8 keeps every page that its heap has ever needed until it has nothing to do, and a PBX with calls
 * always has: a minute with ten thousand calls would be paid for until the night. In its memory-saver mode it gives them back, at the cost of
 * a collection of 40 to 50 ms instead of 20; for good it would cost 40 % of the CPU, so it is on for one collection at a time.
 */
export function createMemorySaver(log: Logger): Service {
  const idle = new IdleMemory();
  const observer = new PerformanceObserver((list) => {
    if (!list.getEntries().some(isFullCollection)) return;
    const { total_heap_size: heapBytes, used_heap_size: liveBytes } = getHeapStatistics();
    setFlagsFromString(`--heap-growing-percent=${growthPercent(liveBytes)}`);
    const footprint = { residentBytes: process.memoryUsage.rss(), heapBytes };
    const isToSave = idle.isToSave(footprint);
    setFlagsFromString(isToSave ? '--memory-saver-mode' : '--no-memory-saver-mode');
    if (isToSave) log.debug('memory is given back', { ...footprint });
  });
  return {
    name: 'memory saver',
    start() { observer.observe({ entryTypes: ['gc'] }); return Promise.resolve(); },
    stop() { observer.disconnect(); return Promise.resolve(); },
  };
}

const isFullCollection = (entry: PerformanceEntry): boolean => (entry as PerformanceEntry & { detail?: { kind?: number } }).detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR;

import { deadlinesAfter, type Deadlines } from './deadlines.js';
import type { Flow } from './flow.js';
import type { CallRules } from './rules.js';

/** What the `cdr` of a flow whose root has ended waits for, each by a bound of its own. */
export class Waits {
  readonly #waits: readonly { readonly until: Deadlines<Flow>; readonly isWanted: boolean; readonly end: (flow: Flow) => void }[];

  constructor({ subclass, lingerMs, waitMs, recordingWaitMs }: CallRules['cdr']) {
    this.#waits = [
      { until: deadlinesAfter(lingerMs), isWanted: true, end: (flow) => { flow.lingerOver = true; } },
      { until: deadlinesAfter(waitMs), isWanted: subclass !== '', end: (flow) => { flow.waitOver = true; } },
      { until: deadlinesAfter(recordingWaitMs), isWanted: recordingWaitMs > 0, end: (flow) => { flow.recordingOver = true; } },
    ];
  }

  /** The root's HANGUP_COMPLETE is there, or was taken back from what was kept. */
  begin(flow: Flow, nowMs: number): void {
    for (const { until, isWanted } of this.#waits) if (isWanted) until.add(flow, nowMs);
  }

  /** Flows for which one of them is over by now. */
  over(nowMs: number): Flow[] {
    return this.#waits.flatMap(({ until, end }) => {
      const flows = until.due(nowMs);
      flows.forEach(end);
      return flows;
    });
  }

  /** When the next one ends; undefined when there is none. */
  nextMs(): number | undefined {
    const times = this.#waits.map(({ until }) => until.nextMs()).filter((at) => at !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }
}

import { isDeepStrictEqual } from 'node:util';
import type { Payload } from '../calls/notice.js';
import type { Expected } from './call.js';

/** How it went: of the expected webhooks, how many came exactly so; what did not come, and what came besides, in words. */
export interface Outcome {
  readonly expected: number;
  readonly right: number;
  readonly missing: readonly string[];
  readonly besides: readonly string[];
  /** From an event's write to its webhook's arrival; undefined where nothing came. */
  readonly medianMs: number | undefined;
}

/** Holds what the tenants receive against what they must receive, and measures how long it took. */
export class Tally {
  readonly #awaited: Map<string, Expected>;
  readonly #expected: number;
  readonly #writtenAtMs = new Map<string, number>();
  readonly #latenciesMs: number[] = [];
  readonly #besides: string[] = [];
  readonly #complete = new AbortController();

  constructor(expected: readonly Expected[]) {
    this.#awaited = new Map(expected.map((each) => [nameOf(each.payload), each]));
    this.#expected = this.#awaited.size;
  }

  /** Aborts when nothing is missing any more. */
  get complete(): AbortSignal { return this.#complete.signal; }

  /** An event leaves the switch. */
  written(event: string, atMs: number): void { this.#writtenAtMs.set(event, atMs); }

  /** A webhook has come. Returns how long it took from its event, undefined where it was not to be expected. */
  received(payload: Payload, atMs: number): number | undefined {
    const name = nameOf(payload);
    const expected = this.#awaited.get(name);
    if (!isDeepStrictEqual(expected?.payload, payload)) {
      this.#besides.push(name);
      return undefined;
    }
    this.#awaited.delete(name);
    const latencyMs = atMs - (this.#writtenAtMs.get(expected!.releasedBy) ?? atMs);
    this.#latenciesMs.push(latencyMs);
    if (this.#awaited.size === 0) this.#complete.abort();
    return latencyMs;
  }

  outcome(): Outcome {
    const sorted = this.#latenciesMs.toSorted((a, b) => a - b);
    return {
      expected: this.#expected, right: sorted.length, missing: [...this.#awaited.keys()], besides: this.#besides,
      medianMs: sorted[Math.floor(sorted.length / 2)],
    };
  }
}

/** One webhook's name among all of the demo, and how a missing one is reported. */
function nameOf({ state, domain, call_id }: Payload): string {
  return `${state} of ${domain}, call ${call_id}`;
}

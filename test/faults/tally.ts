import type { Payload } from '../../src/calls/notice.js';
import { pathOf, webhooksOf, type Call, type Expected } from './call.js';
import type { Hearing } from './hearing.js';
import { isWhole, owedOf } from './owed.js';
import type { Post } from './receiver.js';

/** What became of all webhooks of a scenario. */
export interface Count {
  /** Webhooks that had to come, and those of them that were accepted. */
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  /** POSTs of what had been accepted before, under the same id or another. */
  readonly duplicated: number;
  /** Lanes in which first arrivals, or what was accepted, were not in the order of the calls, or not numbered 1, 2, 3 … */
  readonly outOfOrder: number;
  /** Webhooks that nothing at the switch gave reason for, or that say something else than they must. */
  readonly strange: number;
  /** Told afterwards, from what the switch still knew. */
  readonly synthetic: number;
  /** Of calls whose beginning nobody heard: under the id of another of their legs than if it had been heard. */
  readonly renamed: number;
  /** From the event to the first arrival, of webhooks whose event was surely heard; NaN where there are none. */
  readonly p99Ms: number;
  /** The first few of everything that is wrong. */
  readonly examples: readonly string[];
}

/** What a count needs to know besides: when the daemons listened, what is not owed, and the flow of each webhook id in the outbox. */
export interface Context { readonly hearing: Hearing; readonly leaveOut: ReadonlySet<string>; readonly flows: ReadonlyMap<string, string> }

interface Arrival { readonly post: Post; readonly payload: Payload; readonly call: Call | undefined; readonly expected: Expected | undefined }

const EXAMPLES = 5;
const ORDER: readonly string[] = ['ringing', 'answered', 'hangup', 'cdr'];

/** Compares what the receiver saw with what the calls must bring about. */
export class Tally {
  readonly #calls: readonly Call[];
  readonly #onDelay: (delayMs: number, path: string) => void;
  readonly #expected = new Map<string, Expected>();
  /** By the uuid of each of its channels. */
  readonly #callOf = new Map<string, Call>();
  /** The how-manieth acceptance each webhook was, by its id. */
  readonly #turn = new Map<string, number>();
  /** Not accepted yet, by the number of the POST. */
  readonly #open = new Map<number, Arrival>();
  /** By webhook id. */
  readonly #first = new Map<string, Arrival>();
  readonly #accepted = new Set<string>();
  readonly #again: Arrival[] = [];
  readonly #examples: string[] = [];
  #missing: Set<string> | undefined;
  #whenComplete: () => void = () => {};
  #strange = 0;

  /** `onDelay` hears of each webhook how long after its event it came, and where to. */
  constructor(calls: readonly Call[], onDelay: (delayMs: number, path: string) => void) {
    this.#calls = calls;
    this.#onDelay = onDelay;
    for (const call of calls) {
      for (const old of call.score.uuids) this.#callOf.set(call.uuid(old), call);
      for (const expected of webhooksOf(call)) this.#expected.set(keyOf(expected), expected);
    }
  }

  post(post: Post): void {
    const payload = JSON.parse(post.body) as Payload;
    const key = keyOf({ callId: payload.call_id, state: payload.state });
    const arrival = { post, payload, call: this.#callOf.get(payload.call_id), expected: this.#expected.get(key) };
    if (!this.#first.has(post.id)) this.#first.set(post.id, arrival);
    const playedAtMs = arrival.expected && arrival.call?.playedAt[arrival.expected.trigger];
    if (playedAtMs !== undefined && !post.synthetic) this.#onDelay(post.atMs - playedAtMs - arrival.expected!.afterMs, post.path);
    if (this.#accepted.has(key)) this.#again.push(arrival);
    else this.#open.set(post.number, arrival);
  }

  accepted(number: number): void {
    const arrival = this.#open.get(number);
    if (arrival === undefined) return; // counted as a duplicate when it came
    const key = keyOf({ callId: arrival.payload.call_id, state: arrival.payload.state });
    if (this.#accepted.has(key)) this.#again.push(arrival);
    this.#open.delete(number);
    this.#accepted.add(key);
    if (!this.#turn.has(arrival.post.id)) this.#turn.set(arrival.post.id, this.#turn.size);
    this.#missing?.delete(key);
    if (this.#missing?.size === 0) this.#whenComplete();
  }

  /** Resolves when all that is owed has been accepted. Webhooks to the paths left out are not owed. */
  complete(hearing: Hearing, leaveOut: ReadonlySet<string>): Promise<void> {
    const owed = this.#owed(hearing, leaveOut).map(keyOf);
    this.#missing = new Set(owed.filter((key) => !this.#accepted.has(key)));
    return new Promise((resolve) => {
      this.#whenComplete = resolve;
      if (this.#missing!.size === 0) resolve();
    });
  }

  count({ hearing, leaveOut, flows }: Context): Count {
    const owed = this.#owed(hearing, leaveOut);
    const lost = owed.filter((expected) => !this.#accepted.has(keyOf(expected)));
    for (const expected of lost) this.#note('lost', `${keyOf(expected)} of ${story(this.#callOf.get(expected.leg)!, hearing)}`);
    for (const { post, payload, call } of this.#again) this.#note('duplicated', `${payload.call_id} ${payload.state}, again in flow ${flows.get(post.id)}, of ${call ? story(call, hearing) : 'no call'}`);
    const arrivals = [...this.#first.values()];
    for (const arrival of arrivals) this.#judge(arrival, hearing);
    return {
      sent: owed.length, received: owed.length - lost.length, lost: lost.length,
      duplicated: this.#again.length, outOfOrder: this.#outOfOrder(hearing, flows), strange: this.#strange,
      synthetic: arrivals.filter(({ post }) => post.synthetic).length,
      renamed: arrivals.filter(({ call, expected }) => call !== undefined && expected === undefined).length,
      p99Ms: quantile(arrivals, hearing, 0.99), examples: this.#examples,
    };
  }

  /** Half, nine of ten and 99 of 100 took no longer from the event to the first arrival, of what happened between the two times and went to no path left out. */
  spreadBetween(fromMs: number, toMs: number, { hearing, leaveOut }: Pick<Context, 'hearing' | 'leaveOut'>): { p50Ms: number; p90Ms: number; p99Ms: number } {
    const arrivals = [...this.#first.values()].filter(({ post, call, expected }) => {
      const at = expected && call?.playedAt[expected.trigger];
      return at !== undefined && at >= fromMs && at < toMs && !leaveOut.has(post.path);
    });
    return { p50Ms: quantile(arrivals, hearing, 0.5), p90Ms: quantile(arrivals, hearing, 0.9), p99Ms: quantile(arrivals, hearing, 0.99) };
  }

  /** How many webhooks the calls have for a path. */
  countFor(path: string): number { return [...this.#expected.values()].filter((expected) => pathOf(expected) === path).length; }

  #owed(hearing: Hearing, leaveOut: ReadonlySet<string>): Expected[] {
    const keys = this.#calls.flatMap((call) => owedOf(call, hearing)).filter((expected) => !leaveOut.has(pathOf(expected))).map(keyOf);
    return keys.map((key) => this.#expected.get(key)!);
  }

  /** Where everything was heard, every field must be right. Where not, times and what hangs on them may differ. */
  #judge({ post, payload, call, expected }: Arrival, hearing: Hearing): void {
    const key = keyOf({ callId: payload.call_id, state: payload.state });
    if (call === undefined) return this.#note('strange', `${key} is of no call`);
    if (post.path !== `/${payload.domain}`) return this.#note('strange', `${key} went to ${post.path}`);
    if (!isWhole(call, hearing)) return;
    if (expected === undefined) return this.#note('strange', `${key} has no reason in ${call.score.name}`);
    if (post.synthetic) return this.#note('strange', `${key} is synthetic, but all of ${call.score.name} was heard`);
    if (JSON.stringify(payload) !== JSON.stringify(expected.payload)) this.#note('strange', `${post.body} instead of ${JSON.stringify(expected.payload)}`);
  }

  #outOfOrder(hearing: Hearing, flows: ReadonlyMap<string, string>): number {
    const lanes = new Map<string, Arrival[]>();
    for (const arrival of this.#first.values()) {
      const lane = `${arrival.post.path} ${flows.get(arrival.post.id)}`;
      if (arrival.call !== undefined) lanes.set(lane, [...lanes.get(lane) ?? [], arrival]);
    }
    let wrong = 0;
    for (const [lane, arrivals] of lanes) {
      const call = arrivals[0]!.call!;
      if (isNumbered(arrivals) && this.#inTurn(arrivals) && (isWhole(call, hearing) ? asTold(arrivals, call) : inStory(arrivals))) continue;
      wrong += 1;
      this.#note('out of order', `${lane}: ${arrivals.map(({ post, payload }) => `${post.sequence} ${payload.call_id.slice(0, 4)} ${payload.state}${post.synthetic ? '*' : ''}`).join(', ')}; of ${story(call, hearing)}`);
    }
    return wrong;
  }

  /** Accepted in the order of their first arrival: a retry lets no other pass. */
  #inTurn(arrivals: readonly Arrival[]): boolean {
    const turns = arrivals.flatMap(({ post }) => this.#turn.get(post.id) ?? []);
    return turns.every((turn, index) => index === 0 || turn > turns[index - 1]!);
  }

  #note(kind: 'lost' | 'duplicated' | 'strange' | 'out of order', what: string): void {
    if (kind === 'strange') this.#strange += 1;
    if (this.#examples.filter((example) => example.startsWith(kind)).length < EXAMPLES) this.#examples.push(`${kind}: ${what}`);
  }
}

const keyOf = ({ callId, state }: { callId: string; state: string }) => `${callId} ${state}`;

function quantile(arrivals: readonly Arrival[], hearing: Hearing, share: number): number {
  const waits = arrivals.flatMap(({ post, call, expected }) => {
    const at = expected && call?.playedAt[expected.trigger];
    return at === undefined || !hearing.heard(at) ? [] : [post.atMs - at - expected!.afterMs];
  }).sort((a, b) => a - b);
  return waits[Math.ceil(waits.length * share) - 1] ?? NaN;
}

function asTold(arrivals: readonly Arrival[], call: Call): boolean {
  const order = new Map(webhooksOf(call).map((expected, index) => [keyOf(expected), index]));
  const places = arrivals.map(({ payload }) => order.get(keyOf({ callId: payload.call_id, state: payload.state })) ?? -1);
  return places.every((place, index) => index === 0 || place > places[index - 1]!);
}

/** What happened in a call, in brackets what may not have been heard. */
function story({ score, playedAt, uuid }: Call, hearing: Hearing): string {
  const events = score.events.map(({ name, leg }, index) => {
    const at = playedAt[index];
    const text = `${name.replace('CHANNEL_', '')} ${leg === undefined ? '' : uuid(leg).slice(0, 4)}`;
    return at === undefined ? `never ${text}` : hearing.heard(at) ? text : `(${text})`;
  });
  return `${score.name}: ${events.join(', ')}`;
}

const isNumbered = (arrivals: readonly Arrival[]) => arrivals.every(({ post }, index) => post.sequence === index + 1);

/** Where events were lost only this is promised: each call id rings, is answered, hangs up; and the cdr comes last. */
function inStory(arrivals: readonly Arrival[]): boolean {
  const told = new Map<string, number>();
  return arrivals.every(({ payload: { call_id, state } }, index) => {
    const place = ORDER.indexOf(state);
    if (state === 'cdr') return index === arrivals.length - 1;
    const isLater = place > (told.get(call_id) ?? -1);
    told.set(call_id, place);
    return isLater;
  });
}

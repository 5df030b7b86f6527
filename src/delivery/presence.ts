import type { Clock } from '../clock.js';
import { forgetSilent, heartbeat, register, relock, retire, sweep, takeOver } from '../db/outbox-daemon.js';
import { createSession, type Session } from '../db/outbox-session.js';
import { codeOf, type Pool } from '../db/pool.js';
import type { Service } from '../lifecycle.js';
import type { Logger } from '../log.js';

export interface PresenceOptions {
  /** One per running process, the same after a restart: under it a new start takes over at once what a dead one left. */
  name: string;
  /** Of this build; who wants to change the tables sees it. */
  version?: string;
  heartbeatMs: number;
  /** A daemon silent for so long loses its leases. */
  leaseMs: number;
  /** The longest that one POST may take. */
  timeoutMs: number;
}

export interface PresenceDeps {
  pool: Pool;
  clock: Clock;
  log: Logger;
  /** Deliveries came back to the outbox, or leases hold again: worth a look. */
  onChange: () => void;
}

/** What a lease must have left beyond the POST, for slow timers and for clocks that do not run alike. */
const MARGIN_MS = 1_000;
/** Even in a hurry the last statement gets so long: without it the others wait for our leases. */
const HURRY_MS = 1_000;

/** Keeps this process known to the others by heartbeats, and returns to the outbox what others held who are no longer heard of. */
export class Presence implements Service {
  readonly name = 'presence';
  readonly #deps: PresenceDeps;
  readonly #options: PresenceOptions;
  readonly #freshForMs: number;
  readonly #session: Session;
  readonly #stopping = new AbortController();
  #nudge = new AbortController();
  #loop: Promise<void> | undefined;
  #id: number | undefined;
  #locked = false;
  #beatAtMs = -Infinity;
  #steadySinceMs = Infinity;
  #failing = false;

  /** Throws a RangeError where the periods leave no time in which a POST might begin. */
  constructor(deps: PresenceDeps, options: PresenceOptions) {
    const { heartbeatMs, leaseMs, timeoutMs } = options;
    this.#deps = deps;
    this.#options = options;
    this.#freshForMs = leaseMs - timeoutMs - MARGIN_MS;
    if (this.#freshForMs < 1.5 * heartbeatMs) {
      throw new RangeError(`A lease of ${leaseMs} ms is too short for POSTs of ${timeoutMs} ms and a heartbeat every ${heartbeatMs} ms`);
    }
    this.#session = createSession(deps.pool, { deadlineMs: this.#freshForMs, onLost: () => this.#lost() });
  }

  /** This process in the outbox; throws before `start`. */
  id(): number {
    if (this.#id === undefined) throw new Error('This daemon is not registered yet');
    return this.#id;
  }

  /** Whether a POST begun now ends before anybody may take over its delivery. False after the process, or the way to Postgres, stood still. */
  isFresh(): boolean {
    return this.#deps.clock.monotonicMs() - this.#beatAtMs < this.#freshForMs;
  }

  /** Registers, and takes over from a dead process of the same name. Rejects where Postgres cannot be reached. */
  async start(): Promise<void> {
    if (this.#loop !== undefined) return;
    await this.#beat();
    this.#loop = this.#run();
  }

  /** Hands back what is still leased. Where Postgres does not take that in time, leases end by themselves, or with the next start under this name. */
  async stop(hurry: AbortSignal): Promise<void> {
    this.#stopping.abort();
    const left = new AbortController();
    const leave = this.#leave().finally(() => left.abort());
    const { clock } = this.#deps;
    const tooLong = clock.sleep(this.#freshForMs, AbortSignal.any([hurry, left.signal])).then(() => clock.sleep(HURRY_MS, left.signal));
    await Promise.race([leave, tooLong]);
    this.#session.close();
    this.#beatAtMs = -Infinity;
  }

  async #leave(): Promise<void> {
    await this.#loop;
    const id = this.#id;
    if (id === undefined) return;
    this.#id = undefined;
    await retire(this.#session, id)
      .catch((error: unknown) => this.#deps.log.warn('leases could not be handed back and run out by themselves', { code: codeOf(error) }));
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#deps;
    while (!this.#stopping.signal.aborted) {
      this.#nudge = new AbortController();
      await clock.sleep(this.#options.heartbeatMs, AbortSignal.any([this.#stopping.signal, this.#nudge.signal]));
      if (this.#stopping.signal.aborted) return;
      try {
        await this.#beat();
        await this.#sweepOthers();
        if (this.#failing) log.info('heartbeat goes through again');
        this.#failing = false;
      } catch (error) {
        if (!this.#failing) log.warn('heartbeat failed', { code: codeOf(error) });
        this.#failing = true;
      }
    }
  }

  /** Our time counts from before the statement: the server's begins later, so we never believe in a lease for too long. */
  async #beat(): Promise<void> {
    const atMs = this.#deps.clock.monotonicMs();
    if (!this.#locked && this.#id !== undefined) this.#locked = await relock(this.#session, this.#id);
    if (this.#id === undefined || !await heartbeat(this.#session, this.#id)) await this.#enter();
    const wasFresh = this.isFresh();
    if (atMs - this.#beatAtMs >= this.#freshForMs) this.#steadySinceMs = atMs;
    this.#beatAtMs = atMs;
    if (!wasFresh) this.#deps.onChange();
  }

  async #enter(): Promise<void> {
    const { name, version } = this.#options;
    this.#id = await register(this.#session, name, version);
    this.#locked = true;
    const deliveries = await takeOver(this.#session, this.#id, name);
    if (deliveries > 0) this.#deps.log.info('took over from an earlier process', { name, deliveries });
  }

  /**
   * Only who has been heard of himself all the time may say that others are silent: after an outage of Postgres everybody's
   * last heartbeat is old.
   */
  async #sweepOthers(): Promise<void> {
    const { leaseMs } = this.#options;
    if (this.#deps.clock.monotonicMs() - this.#steadySinceMs < leaseMs) return;
    const deliveries = await sweep(this.#session, leaseMs);
    await forgetSilent(this.#session, leaseMs);
    if (deliveries === 0) return;
    this.#deps.log.warn('deliveries returned from silent daemons', { deliveries });
    this.#deps.onChange();
  }

  /** With its connection our lock is gone, and who starts under our name may take us for dead: no POST begins until it is ours again. */
  #lost(): void {
    this.#beatAtMs = -Infinity;
    this.#locked = false;
    if (!this.#failing) this.#nudge.abort();
  }
}
